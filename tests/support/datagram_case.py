"""Datagram connections through all of pipetwist's services, on a reactor that turns when a test
says so.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions
from pipetwist.datagram import context
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.inbounds.unixgram import UnixgramInboundOptions
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.udp import UdpOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.outbounds.unixgram import UnixgramOutboundOptions
from pipetwist.service import tree
from pipetwist.service.tree import PipetwistService
from tests.support.datagram_ends import (
    DatagramEnd,
    DatagramServer,
    End,
    FramedEnd,
    abstract,
    datagram_socket,
)
from tests.support.loop import Loop, open_descriptors
from tests.support.scratch import scratch_folder

__all__ = ["DatagramCase"]


@implementer(ILogObserver)
class _Events:
    """Keeps what pipetwist logs."""

    def __init__(self) -> None:
        self.kept: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "pipetwist":
            self.kept.append(event)


class DatagramCase(SynchronousTestCase):
    """A test of datagram connections of one kind of client (``udp``, ``unixgram``, ``framed``) to
    one kind of server (``fork`` besides).
    """

    clients = "udp"
    servers = "udp"
    inbound_options: dict[str, Any] = {}  # noqa: RUF012 - a test's class names its own
    outbound_options: dict[str, Any] = {}  # noqa: RUF012 - the same
    transfer: Any = "auto"
    getaddrinfo: Any = None
    plain = False
    """Whether it runs on what every system has."""

    @property
    def command(self) -> tuple[str, ...]:
        """What the server ``fork`` runs."""
        return ("/bin/cat",)

    def setUp(self) -> None:
        """Start the services."""
        self.folder = scratch_folder(self)
        self.loop = Loop()
        if self.plain:
            self.patch(context, "batches_work", lambda: False)
            self.patch(tree, "kernel_context", lambda *_, **__: None)
        self.server = self._server()
        stats = StatsOptions(enabled=True, inbounds=("in",), outbounds=("out",), users=("alice",))
        document = Document(
            inbounds=(self._inbound(),),
            outbounds=(self._outbound(),),
            drain_timeout=0.1,
            transfer=self.transfer,
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats)),
        )
        events = _Events()
        self.events = events.kept
        globalLogPublisher.addObserver(events)
        self.addCleanup(globalLogPublisher.removeObserver, events)
        self.service = PipetwistService(document, self.loop, getaddrinfo=self.getaddrinfo)
        self.service.startService()
        self.addCleanup(self._stop)
        self.inbound: Any = self.service.inbounds["in"]
        self.before = open_descriptors()

    # What a test does.

    def client(self, name: str = "") -> End:
        """Open a client; of a unixgram client the name that it is bound to, which must differ from
        others'.
        """
        if self.clients == "udp":
            opened = datagram_socket(socket.AF_INET, ("127.0.0.1", 0))
            opened.connect(("127.0.0.1", self.inbound.port))
        elif self.clients == "unixgram":
            opened = datagram_socket(socket.AF_UNIX, abstract(self.folder / f"client{name}"))
            opened.connect(str(self.folder / "in"))
        else:
            opened = socket.socket(socket.AF_UNIX)
            opened.connect(str(self.folder / "in"))
        self.addCleanup(opened.close)
        return FramedEnd(opened) if self.clients == "framed" else DatagramEnd(opened)

    def accepted(self) -> End:
        """The server's end: that of the newest connection where each has its own."""
        if not isinstance(self.server, socket.socket):
            server: End = self.server
            return server
        self.server.setblocking(False)
        found: list[socket.socket] = []

        def accept() -> bool:
            try:
                found.append(self.server.accept()[0])
            except BlockingIOError:
                return False
            return True

        self.loop.until(accept, "a stream to the server")
        self.addCleanup(found[0].close)
        return FramedEnd(found[0])

    def until(self, ends: list[End], condition: Callable[[], object], what: str) -> None:
        """Let everybody do what they can until the condition holds."""

        def looked() -> object:
            for end in ends:
                end.pump()
            return condition()

        self.loop.until(looked, what)

    def came(self, end: End, *datagrams: bytes, others: tuple[End, ...] = ()) -> None:
        """Wait until just these have come to an end since this was asked for last."""
        self.until(
            [end, *others], lambda: len(end.came) >= len(datagrams), f"{len(datagrams)} datagrams"
        )
        self.loop.settle()
        end.pump()
        self.assertEqual(
            [len(datagram) for datagram in end.came], [len(datagram) for datagram in datagrams]
        )
        self.assertEqual(end.came, list(datagrams))
        end.came = []

    def lines(self) -> list[LogEvent]:
        """The events of connections that are over."""
        return [event for event in self.events if "uplink" in event]

    def reason(self, number: int = 1) -> str:
        """Wait until so many connections are over; the last one's reason."""
        self.loop.until(lambda: len(self.lines()) >= number, "the end of a connection")
        return str(self.lines()[number - 1]["reason"])

    def warnings(self) -> list[str]:
        """What was warned of."""
        return [formatEvent(event) for event in self.events if event["log_level"].name == "warn"]

    def counted(self, entity: str = "inbound", name: str = "in") -> tuple[int, int]:
        """What is counted, up and down."""
        up, down = (
            self.service.store.get(f"{entity}>>>{name}>>>traffic>>>{direction}")
            for direction in ("uplink", "downlink")
        )
        assert up is not None
        assert down is not None
        return up.value(), down.value()

    @property
    def open(self) -> int:
        """How many datagram connections are open."""
        return self.service.relay.open_connections

    # How it is set up.

    def _server(self) -> Any:
        if self.servers == "fork":
            return None
        if self.servers == "framed":
            opened = socket.socket(socket.AF_UNIX)
            opened.bind(str(self.folder / "out"))
            opened.listen()
        elif self.servers == "udp":
            opened = datagram_socket(socket.AF_INET, ("127.0.0.1", 0))
        else:
            opened = datagram_socket(socket.AF_UNIX, str(self.folder / "out"))
        self.addCleanup(opened.close)
        return opened if self.servers == "framed" else DatagramServer(opened)

    def _inbound(self) -> InboundOptions:
        if self.clients == "udp":
            return UdpInboundOptions(tag="in", listen_port=0, **self.inbound_options)
        if self.clients == "unixgram":
            return UnixgramInboundOptions(
                tag="in", path=str(self.folder / "in"), **self.inbound_options
            )
        return UnixInboundOptions(
            tag="in", path=str(self.folder / "in"), framing="rfc4571", **self.inbound_options
        )

    def _outbound(self) -> OutboundOptions:
        if self.servers == "udp":
            return UdpOutboundOptions(
                tag="out",
                server="127.0.0.1",
                server_port=self.server.socket.getsockname()[1],
                **self.outbound_options,
            )
        if self.servers == "unixgram":
            path = str(self.folder / "out")
            return UnixgramOutboundOptions(tag="out", path=path, **self.outbound_options)
        if self.servers == "framed":
            return UnixOutboundOptions(tag="out", path=str(self.folder / "out"), framing="rfc4571")
        return ForkOutboundOptions(tag="out", command=self.command, framing="rfc4571")

    def _stop(self) -> None:
        stopped: list[object] = []
        self.service.stopService().addBoth(stopped.append)
        self.loop.until(lambda: stopped, "the end of the services")
