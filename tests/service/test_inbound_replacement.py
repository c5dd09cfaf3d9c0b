"""Which inbounds stop before others listen: those whose address may be wanted."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.service.inbound_replacement import replace_inbounds
from pipetwist.service.tree import PipetwistService
from pipetwist.values.bind_address import UnixAddress
from tests.support.scratch import free_port


class _Inbound:
    """One that listens at a place, where nobody else may.

    Args:
        name: the tag, the place and the claim; no claim after ``?``.
        heard: takes what it does.
    """

    def __init__(self, name: str, heard: list[str]) -> None:
        self.tag, self.label = name.rstrip("?").split("@")
        self.claims = None if name.endswith("?") else (UnixAddress(self.label),)
        self._heard = heard

    def can_apply(self, options: InboundOptions) -> bool:
        """It goes on with nothing else."""
        return False

    def listen(self) -> None:
        """Listen.

        Raises:
            StartError: somebody does.
        """
        if self.label in _places(self._heard):
            message = f"{self.label}: taken"
            raise StartError(message)
        self._heard.append(f"+{self.label}")

    def stop_listening(self) -> None:
        """Listen no more."""
        self._heard.append(f"-{self.label}")


def _places(heard: list[str]) -> list[str]:
    """Where somebody listens."""
    return [
        step[1:]
        for number, step in enumerate(heard)
        if step[0] == "+" and f"-{step[1:]}" not in heard[number:]
    ]


class ClaimsTest(SynchronousTestCase):
    """Inbounds with and without a claim to an address."""

    def exchange(self, before: str, *after: str) -> list[str]:
        """Replace an inbound by others; returns which began and stopped to listen, in order."""
        self.heard: list[str] = []
        old: Any = _Inbound(before, self.heard)
        old.listen()
        new: dict[str, Any] = {name.split("@")[0]: _Inbound(name, self.heard) for name in after}
        wanted: Any = [replace(_OPTIONS, tag=tag) for tag in new]
        found: dict[str, Any] = self.successResultOf(
            replace_inbounds({old.tag: old}, wanted, lambda options: new[options.tag])
        )
        self.assertEqual(found, new)
        return self.heard[1:]

    def test_other_address(self) -> None:
        """One whose address nobody wants listens on, for the caller to stop it."""
        self.assertEqual(
            self.exchange("a@here", "b@there", "c@elsewhere"), ["+there", "+elsewhere"]
        )

    def test_same_address(self) -> None:
        """One whose address a new one wants stops first."""
        self.assertEqual(self.exchange("a@here", "b@there", "c@here"), ["-here", "+there", "+here"])

    def test_unknown(self) -> None:
        """If nobody knows the address of the new one, or of the old one, it may be the same: the
        old one stops first.
        """
        for before, after in (("a@here", "b@here?"), ("a@here?", "b@here"), ("a@here?", "b@here?")):
            self.assertEqual(self.exchange(before, after), ["-here", "+here"])

    def test_taken(self) -> None:
        """If the unknown address is taken by a third, the old one listens again."""
        self.heard = ["+here"]
        old: Any = _Inbound("a@there?", self.heard)
        new: Any = _Inbound("b@here?", self.heard)
        old.listen()
        self.failureResultOf(
            replace_inbounds({"a": old}, [replace(_OPTIONS, tag="b")], lambda _: new), StartError
        )
        self.assertIn("there", _places(self.heard))


_OPTIONS = EndpointInboundOptions(tag="", endpoint="tcp:0")


class UnknownAddressTest(TestCase):
    """The inbound ``endpoint``, of which nobody knows where it listens, on the real reactor."""

    timeout = 60

    async def test_port(self) -> None:
        """Its port can go to an inbound ``tcp`` at a reload, and come back from it."""
        port = free_port(self)
        endpoint = EndpointInboundOptions(tag="any", endpoint=f"tcp:{port}:interface=127.0.0.1")
        tcp = TcpInboundOptions(tag="tcp", listen_port=port)
        document = Document(
            inbounds=(endpoint,), outbounds=(ForkOutboundOptions(tag="plugin", command=("cat",)),)
        )
        tree = PipetwistService(document, reactor)
        tree.startService()
        self.addCleanup(tree.stopService)
        for options in (tcp, endpoint):
            await tree.reload(replace(document, inbounds=(options,)))
            self.assertEqual(list(tree.inbounds), [options.tag])
            # The kernel lets a client in where somebody listens, whatever becomes of it then.
            socket.create_connection(("127.0.0.1", port), timeout=60).close()

    async def test_unknown_name(self) -> None:
        """An endpoint string's name is looked up before anybody stops listening: where it has no
        address nothing changes, and meanwhile clients come in.
        """
        port = free_port(self)
        before = EndpointInboundOptions(tag="any", endpoint=f"tcp:{port}:interface=127.0.0.1")
        after = EndpointInboundOptions(tag="other", endpoint=f"tcp:{port}:interface=relay")
        document = Document(
            inbounds=(before,), outbounds=(ForkOutboundOptions(tag="plugin", command=("cat",)),)
        )
        asked, go_on = Deferred[None](), threading.Event()
        self.addCleanup(go_on.set)

        def getaddrinfo(*_: object, **__: object) -> Any:
            IReactorFromThreads(reactor).callFromThread(asked.callback, None)
            assert go_on.wait(60)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        tree = PipetwistService(document, reactor, getaddrinfo=getaddrinfo)
        tree.startService()
        self.addCleanup(tree.stopService)
        inbound = tree.inbounds["any"]
        stopped: list[object] = []
        self.patch(inbound, "stop_listening", lambda: stopped.append(inbound))
        reloading = tree.reload(replace(document, inbounds=(after,)))
        await asked
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
        go_on.set()
        try:
            await reloading
        except StartError as error:
            self.assertEqual(
                str(error),
                "inbound other: endpoint: relay is not an address: Name or service not known",
            )
        else:
            self.fail("it was reloaded")
        self.assertEqual((tree.inbounds, stopped), ({"any": inbound}, []))
