"""Whole connections: pipetwist's services, all of them, on a reactor that turns when the test says
so, with far ends that do as well.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.inbound_options import InboundOptions, TlsServerOptions
from pipetwist.kinds.outbound_options import OutboundOptions, TlsClientOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.service.tree import PipetwistService
from tests.support.far_end import FarEnd
from tests.support.loop import Loop, open_descriptors
from tests.support.memory_transport import ready
from tests.support.scratch import scratch_folder
from tests.support.shared_certificates import AUTHORITY, SERVER, SERVER_NAME
from tests.support.tls_peer import TlsSocket

__all__ = ["RelayCase", "over_ends"]

_SECONDS = 60.0


@implementer(ILogObserver)
class _Lines:
    """Keeps the events of finished connections."""

    def __init__(self) -> None:
        self.kept: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "pipetwist" and "uplink" in event:
            self.kept.append(event)


class RelayCase(SynchronousTestCase):
    """A test of connections of one kind of client to one kind of server: ``unix``, ``tcp``,
    ``tls``, or a ``fork`` of cat.
    """

    clients = "unix"
    servers = "unix"
    passes = False
    """Whether descriptors are passed on, between unix sockets."""
    command: tuple[str, ...] = ("/bin/cat",)

    def setUp(self) -> None:
        """Start the services."""
        self.folder = scratch_folder(self)
        self.loop = Loop()
        self.listening = self._listen()
        stats = StatsOptions(enabled=True, inbounds=("in",), outbounds=("out",))
        document = Document(
            inbounds=(self._inbound(),),
            outbounds=(self._outbound(),),
            transfer="kernel",
            drain_timeout=0.1,
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats)),
        )
        lines = _Lines()
        self.lines = lines.kept
        globalLogPublisher.addObserver(lines)
        self.addCleanup(globalLogPublisher.removeObserver, lines)
        self.service = PipetwistService(document, self.loop)
        self.service.startService()
        self.addCleanup(self._stop)
        kernel = self.service._kernel
        assert kernel is not None
        self.kernel = kernel
        # The first connection leaves what stays: nothing of it is a connection's.
        self.before = self.descriptors()

    def connect(self) -> tuple[FarEnd, FarEnd | None]:
        """Connect a client, and take the server's end; None if that is a command."""
        client = socket.socket(socket.AF_UNIX if self.clients == "unix" else socket.AF_INET)
        if self.clients == "unix":
            client.connect(str(self.folder / "in"))
        else:
            client.connect(("127.0.0.1", self.service.inbounds["in"].port))
        self.addCleanup(client.close)
        client_end = self._far_end(client, self.clients, server=False)
        number = self.service.relay.connection_table.total
        self.loop.until(
            lambda: client_end.ready() and self.service.relay.connection_table.total > number,
            "the connection to be accepted",
        )
        if self.listening is None:
            return client_end, None
        self.loop.until(self._acceptable, "the connection to the server")
        server, _ = self.listening.accept()
        self.addCleanup(server.close)
        server_end = self._far_end(server, self.servers, server=True)
        self.loop.until(server_end.ready, "the server's handshake")
        return client_end, server_end

    def _far_end(self, connected: socket.socket, kind: str, *, server: bool) -> FarEnd:
        return FarEnd(TlsSocket(connected, server=server) if kind == "tls" else connected)

    def pump(self, ends: Sequence[FarEnd]) -> bool:
        """Let the far ends and pipetwist do once what they can; whether that was anything."""
        did = [end.pump() for end in ends]
        return bool(self.loop.turn()) or any(did)

    def pump_until(
        self, ends: Sequence[FarEnd], condition: Callable[[], object], what: str
    ) -> None:
        """Let them do what they can until the condition holds."""
        end = time.monotonic() + _SECONDS
        while not condition():
            before = time.monotonic()
            if before > end:
                message = f"waited {_SECONDS:g} s for {what}"
                raise AssertionError(message)
            if not self.pump(ends):
                readers: list[Any] = [
                    *self.loop.readers,
                    *(one.socket for one in ends if not one.gone),
                ]
                ready(readers, [], 0.002)
            self.loop.advance(time.monotonic() - before)

    def nothing_is_open(self) -> bool:
        """Whether no connection is open, and no command runs."""
        commands = 0 if self.listening is not None else self.service.outbounds["out"].processes
        return not self.service.relay.open_connections and not commands

    def counted(self) -> tuple[int, int]:
        """What was counted since this was asked for last, up and down."""
        up, down = (
            self.service.store.counter(f"inbound>>>in>>>traffic>>>{name}")
            for name in ("uplink", "downlink")
        )
        others = [
            self.service.store.counter(f"outbound>>>out>>>traffic>>>{name}").reset()
            for name in ("uplink", "downlink")
        ]
        found = up.reset(), down.reset()
        self.assertEqual(tuple(others), found)
        return found

    def descriptors(self) -> set[tuple[int, str]]:
        """The descriptors of this process but for those of pipes that nobody uses."""
        idle = {end for pipe in self.kernel.pool._idle for end in (pipe.reading, pipe.writing)}
        return {one for one in open_descriptors() if one[0] not in idle}

    def nothing_is_left(self) -> None:
        """No descriptor, no pipe of the pool, no timer, and no child is left of the connections."""
        self.assertEqual(self.descriptors() - self.before, set())
        self.assertEqual(self.kernel.pool.lent, 0)
        self.assertEqual(self.loop.getDelayedCalls(), [])
        with self.assertRaises(ChildProcessError):
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def _inbound(self) -> InboundOptions:
        if self.clients == "unix":
            return UnixInboundOptions(
                tag="in", path=str(self.folder / "in"), pass_descriptors=self.passes
            )
        tls = TlsServerOptions(certificate_path=SERVER[0], key_path=SERVER[1])
        return TcpInboundOptions(
            tag="in", listen_port=0, tls=tls if self.clients == "tls" else None
        )

    def _outbound(self) -> OutboundOptions:
        if self.listening is None:
            return ForkOutboundOptions(tag="out", command=self.command)
        if self.servers == "unix":
            return UnixOutboundOptions(
                tag="out", path=str(self.folder / "out"), pass_descriptors=self.passes
            )
        tls = TlsClientOptions(enabled=True, server_name=SERVER_NAME, certificate_path=AUTHORITY)
        return TcpOutboundOptions(
            tag="out",
            server="127.0.0.1",
            server_port=self.listening.getsockname()[1],
            tls=tls if self.servers == "tls" else None,
        )

    def _listen(self) -> socket.socket | None:
        if self.servers == "fork":
            return None
        listening = socket.socket(socket.AF_UNIX if self.servers == "unix" else socket.AF_INET)
        self.addCleanup(listening.close)
        listening.bind(str(self.folder / "out") if self.servers == "unix" else ("127.0.0.1", 0))
        listening.listen(1000)
        listening.setblocking(False)
        return listening

    def _acceptable(self) -> bool:
        assert self.listening is not None
        return bool(select.select([self.listening], [], [], 0)[0])

    def _stop(self) -> None:
        stopped: list[object] = []
        self.service.stopService().addBoth(stopped.append)
        self.loop.until(lambda: stopped, "the services to stop")
        self.assertEqual(self.loop.readers, set())


def over_ends(suite: type[RelayCase]) -> None:
    """Turn a suite into a test case for each kind of client and of server, in the suite's own
    module; and for unix sockets that pass descriptors on.
    """
    kinds = product(("unix", "tcp", "tls"), ("unix", "tcp", "tls", "fork"), (False,))
    for clients, servers, passes in (*kinds, ("unix", "unix", True)):
        name = f"{suite.__name__}_{clients}_to_{servers}{'_passing' * passes}"
        vars(sys.modules[suite.__module__])[name] = type(
            name,
            (suite,),
            {
                "clients": clients,
                "servers": servers,
                "passes": passes,
                "__module__": suite.__module__,
                "__doc__": f"{suite.__doc__} {clients} to {servers}.",
            },
        )
