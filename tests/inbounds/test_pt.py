"""An inbound behind a pluggable transport: what it refuses, and what it tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.pt import PtInbound
from pipetwist.plugins.client_line import read_client_line
from pipetwist.plugins.pt import PtServer, ServerTransport
from pipetwist.plugins.pt_lines import Method
from tests.plugins.plugin_case import NoThreads
from tests.support.documents import problems, small
from tests.support.scratch import scratch_folder


class PtInboundOptionsTest(SynchronousTestCase):
    """Its keys."""

    def problems(self, listen: str = "127.0.0.1", transport: str = "obfs4") -> list[str]:
        """What is wrong with one that listens there."""
        inbound = {
            "type": "pt",
            "tag": "in",
            "transport": transport,
            "command": ["obfs4proxy"],
            "state_path": "state",
            "listen": listen,
            "listen_port": 443,
        }
        return problems({**small(), "inbounds": [inbound]})

    def test_transport(self) -> None:
        """A transport has the name of an identifier."""
        (problem,) = self.problems(transport="obfs-4")
        self.assertIn('inbounds[0]: transport: "obfs-4" names none', problem)

    def test_listen(self) -> None:
        """It listens at an address of either family, and at no name."""
        for address in ("0.0.0.0", "::", "2001:db8::1"):
            self.assertEqual(self.problems(address), [])
        for name in ("localhost", "fe80::1%eth0"):
            (problem,) = self.problems(name)
            self.assertIn(f'inbounds[0]: listen: "{name}" is no IP address', problem)


class ClientLineTest(SynchronousTestCase):
    """What is told to clients once the transport is ready."""

    def test_no_thread(self) -> None:
        """It is written also where the process may have no more threads."""
        folder = scratch_folder(self)
        threads = NoThreads()
        threads.error = RuntimeError("can't start new thread")
        contract = PtServer("obfs4proxy", str(folder))
        contract.lines.methods["obfs4"] = Method(("127.0.0.1", 1), {"cert": "abc"})
        inbound: Any = SimpleNamespace(
            options=SimpleNamespace(type="pt", listen_port=443, state_path=str(folder)),
            transport=ServerTransport("obfs4", ("127.0.0.1", 443)),
            tag="in",
            context=SimpleNamespace(
                log=Logger(observer=LogPublisher()), plugins=SimpleNamespace(threads=threads)
            ),
            _orport=SimpleNamespace(contract=contract),
        )
        PtInbound.started(inbound)
        self.assertIn('"cert": "abc"', read_client_line(str(folder), "obfs4") or "")
