"""Makes one of every class that provides an interface of pipetwist's, in memory as far as it
goes.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.conformance.case import OrderlyReceiver
from pipetwist.connection.client_info import ClientInfo
from pipetwist.datagram.association import AssociationSide, LimitedAssociationSide
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.framed import FramedSide, FrameStatistics
from pipetwist.datagram.proxied import HeadedDatagramSocketSide
from pipetwist.datagram.side import BaseDatagramSide
from pipetwist.datagram.socket_side import DatagramSocketSide
from pipetwist.datagram.source import Source
from pipetwist.datagram.throttle import LimitableSide
from pipetwist.fakes.process import FakeSpawner
from pipetwist.fakes.relay import FakeOutbound, RecordingRelay, RecordingTracker
from pipetwist.fakes.side import FakeSide, RecordingReceiver
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.endpoint import EndpointInbound, EndpointInboundOptions
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.pt import PtInbound, PtInboundOptions
from pipetwist.inbounds.sip003 import Sip003Inbound, Sip003InboundOptions
from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.inbounds.udp import UdpInbound, UdpInboundOptions
from pipetwist.inbounds.unix import UnixInbound, UnixInboundOptions
from pipetwist.inbounds.unixgram import UnixgramInbound, UnixgramInboundOptions
from pipetwist.inbounds.vsock import VsockInbound, VsockInboundOptions
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.passing_side import PassingSide
from pipetwist.kernel.pipe_pool import PipePool
from pipetwist.kernel.poller import Poller
from pipetwist.kernel.process_side import KernelProcessSide
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kernel.tls_side import TlsSide
from pipetwist.limits.flow import Flow
from pipetwist.limits.pacer import Pacer
from pipetwist.metrics.statistics import ConnectionStatistics
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import EndpointOutbound, EndpointOutboundOptions
from pipetwist.outbounds.fork import ForkOutbound, ForkOutboundOptions
from pipetwist.outbounds.pt import PtOutbound, PtOutboundOptions
from pipetwist.outbounds.sip003 import Sip003Outbound, Sip003OutboundOptions
from pipetwist.outbounds.tcp import TcpOutbound, TcpOutboundOptions
from pipetwist.outbounds.udp import UdpOutbound, UdpOutboundOptions
from pipetwist.outbounds.unix import UnixOutbound, UnixOutboundOptions
from pipetwist.outbounds.unixgram import UnixgramOutbound, UnixgramOutboundOptions
from pipetwist.outbounds.vsock import VsockOutbound, VsockOutboundOptions
from pipetwist.page.ended import EndedConnections
from pipetwist.page.problems import Problems
from pipetwist.page.tallies import NameTallies
from pipetwist.plugins.connections import PluginConnections
from pipetwist.plugins.datagram_sides import PluginAssociationSide, PluginDatagramSide
from pipetwist.plugins.sides import PluginSocketSide, PluginStreamSide
from pipetwist.plugins.tls_side import PluginTlsSide
from pipetwist.process.identity import ProcessIdentity
from pipetwist.process.side import ProcessSide
from pipetwist.process.spawners import PosixSpawner, ReactorSpawner
from pipetwist.process.standard_error import StandardErrorLines
from pipetwist.process.transport import CommandTransport, _Side
from pipetwist.records.service import ConnectionRecords, RecordSettings
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.limited_connection import LimitedConnection
from pipetwist.relay.record import ConnectionRecord
from pipetwist.relay.relay import Relay, Route
from pipetwist.stats.counters import MemoryCounter, MemoryCounterStore
from pipetwist.stats.tracking import Tracker
from pipetwist.storage.store import FileCounter, FileCounterStore
from pipetwist.tls.listener import ListenerTls
from pipetwist.transfer.stream import StreamSide
from pipetwist.transfer.throttle import Throttle
from pipetwist.values.tls_options import TlsListenerOptions
from tests.inbounds.inbound import NoInbound
from tests.support.loop import Loop
from tests.support.shared_certificates import SERVER

__all__ = ["Makers"]


class Makers:
    """Makes them for a test, which closes what is open at its end.

    Args:
        case: the test.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        self._case = case
        self.loop = loop = Loop()
        self.kernel = KernelContext(loop, Poller(cast("IReactorFDSet", loop)), PipePool())
        case.addCleanup(self.kernel.close)
        self.datagram_context = DatagramContext(loop, self.kernel.poller)
        self._inbound = InboundContext(loop, RecordingRelay())
        self._outbound = OutboundContext(loop, FakeSpawner())
        client_info = ClientInfo("in", "", "")
        makers: list[Callable[[], Any]] = [
            FakeOutbound,
            FakeSide,
            FakeSpawner,
            RecordingReceiver,
            RecordingRelay,
            RecordingTracker,
            OrderlyReceiver,
            ConnectionStatistics,
            lambda: EndedConnections(lambda: 0.0, dict),
            lambda: NameTallies(dict),
            lambda: Problems(lambda: 0.0, cast("Any", None)),
            ProcessIdentity,
            MemoryCounterStore,
            lambda: MemoryCounter("a"),
            lambda: FileCounter(
                "a",
                [memoryview(bytearray(16)).cast("Q")],
                lambda name: memoryview(bytearray(16)).cast("Q"),
            ),
            lambda: FileCounterStore(case.mktemp(), lambda name, error: None),
            lambda: Tracker([], []),
            FrameStatistics,
            lambda: Gate(NoInbound(self._inbound), lambda one: client_info),
            lambda: Route(client_info, FakeOutbound(), None),
            lambda: Relay(Clock(), object()),  # type: ignore[arg-type]  # it is not asked where connections go
            lambda: ConnectionTable(Clock(), log=Logger()).open(
                Route(client_info, FakeOutbound(), None), FakeSide()
            ),
            lambda: ConnectionRecord(
                ConnectionTable(Clock(), log=Logger()),
                1,
                Route(client_info, FakeOutbound(), None),
                FakeSide(),
                0.0,
            ),
            lambda: ConnectionRecords(RecordSettings("a", 0, 0), Clock(), Logger()),
            lambda: LimitedConnection(
                ConnectionTable(Clock(), log=Logger()),
                1,
                Route(client_info, FakeOutbound(), None),
                FakeSide(),
                0.0,
            ),
            lambda: Flow(Pacer(Clock()), []),
            *self._sides(),
            *self._commands(),
            *self._inbounds(),
            *self._outbounds(),
        ]
        made = [make() for make in makers]
        self.made = {type(one): one for one in made}
        """One of each class."""

    def _sides(self) -> list[Callable[[], Any]]:
        return [
            lambda: StreamSide(self.loop),
            lambda: SocketSide(self.kernel, self._connected(socket.SOCK_STREAM)),
            lambda: TlsSide(self.kernel, *self._tls_ends()),
            lambda: PluginSocketSide(
                self.kernel,
                self._connected(socket.SOCK_STREAM),
                PluginConnections(lambda: False),
            ),
            lambda: PluginTlsSide(self.kernel, *self._tls_ends(), PluginConnections(lambda: False)),
            lambda: PluginStreamSide(PluginConnections(lambda: False), self.loop),
            lambda: PluginConnections(lambda: False).watch(FakeSide(), RecordingReceiver()),
            lambda: PassingSide(self.kernel, self._connected(socket.SOCK_STREAM)),
            lambda: FramedSide(FakeSide(), FrameStatistics()),
            lambda: BaseDatagramSide(self.loop),
            lambda: AssociationSide(
                self.loop, "a", Source("127.0.0.1", 1, True, None, "a"), cast("Any", None)
            ),
            lambda: LimitedAssociationSide(
                self.loop, "a", Source("127.0.0.1", 1, True, None, "a"), cast("Any", None)
            ),
            lambda: DatagramSocketSide(self.datagram_context, self._connected(socket.SOCK_DGRAM)),
            lambda: self._limited(
                DatagramSocketSide(self.datagram_context, self._connected(socket.SOCK_DGRAM))
            ),
            self._headed_datagrams,
            lambda: self._limited(self._headed_datagrams()),
            self._plugin_datagrams,
            lambda: self._limited(self._plugin_datagrams()),
            self._plugin_association,
            lambda: self._limited(self._plugin_association()),
            LimitableSide,
            lambda: Throttle(FakeSide(), RecordingReceiver(), paused=False),
            self._command,
        ]

    def _plugin_datagrams(self) -> PluginDatagramSide:
        return PluginDatagramSide(
            self.datagram_context,
            self._connected(socket.SOCK_DGRAM),
            PluginConnections(lambda: False),
        )

    def _plugin_association(self) -> PluginAssociationSide:
        source, answering = Source("127.0.0.1", 1, True, None, "a"), cast("Any", None)
        connections = PluginConnections(lambda: False)
        return PluginAssociationSide(self.loop, "a", source, answering, None, connections)

    def _tls_ends(self) -> tuple[socket.socket, Any]:
        near = self._connected(socket.SOCK_STREAM)
        options = TlsListenerOptions(certificate_path=SERVER[0], key_path=SERVER[1])
        return near, ListenerTls("a", options).connection(near)

    def _commands(self) -> list[Callable[[], Any]]:
        lines = StandardErrorLines(self.loop, lambda line: None)
        return [
            lambda: ProcessSide(self.loop, FakeSpawner(), 1, lines, lambda side: None),
            lambda: _Side(lambda: None, self.loop, FakeSpawner(), 1, lines, lambda side: None),
            lambda: CommandTransport(
                self.loop, FakeSpawner(), 1, Protocol(), lambda pid, line: None, lambda: None
            ),
            lambda: PosixSpawner(self.loop),  # type: ignore[arg-type]  # it starts nothing
            lambda: ReactorSpawner(self.loop),  # type: ignore[arg-type]  # the same
        ]

    def _inbounds(self) -> list[Callable[[], Any]]:
        return [
            lambda: EndpointInbound(
                EndpointInboundOptions(tag="a", endpoint="tcp:0"), self._inbound
            ),
            lambda: PtInbound(
                PtInboundOptions(
                    tag="a",
                    transport="a",
                    command=(sys.executable,),
                    listen_port=1,
                    state_path="a",
                ),
                self._inbound,
            ),
            lambda: Sip003Inbound(
                Sip003InboundOptions(tag="a", plugin=sys.executable, listen_port=1), self._inbound
            ),
            lambda: TcpInbound(TcpInboundOptions(tag="a", listen_port=1), self._inbound),
            lambda: UdpInbound(UdpInboundOptions(tag="a", listen_port=1), self._inbound),
            lambda: UnixInbound(UnixInboundOptions(tag="a", path="a"), self._inbound),
            lambda: UnixgramInbound(UnixgramInboundOptions(tag="a", path="a"), self._inbound),
            lambda: VsockInbound(VsockInboundOptions(tag="a", port=1024), self._inbound),
        ]

    def _through_plugin(self, **keys: Any) -> Sip003Outbound:
        options = Sip003OutboundOptions(
            tag="a", plugin=sys.executable, server="127.0.0.1", server_port=1, **keys
        )
        return Sip003Outbound(options, self._outbound)

    def _outbounds(self) -> list[Callable[[], Any]]:
        return [
            lambda: EndpointOutbound(
                EndpointOutboundOptions(tag="a", endpoint="tcp:localhost:1"), self._outbound
            ),
            lambda: ForkOutbound(
                ForkOutboundOptions(tag="a", command=(sys.executable,)), self._outbound
            ),
            lambda: PtOutbound(
                PtOutboundOptions(
                    tag="a",
                    transport="a",
                    command=(sys.executable,),
                    server="127.0.0.1",
                    server_port=1,
                    state_path="a",
                ),
                self._outbound,
            ),
            self._through_plugin,
            lambda: self._through_plugin(plugin_mode="tcp_and_udp").for_datagrams,
            lambda: TcpOutbound(
                TcpOutboundOptions(tag="a", server="127.0.0.1", server_port=1), self._outbound
            ),
            lambda: UdpOutbound(
                UdpOutboundOptions(tag="a", server="127.0.0.1", server_port=1), self._outbound
            ),
            lambda: UnixOutbound(UnixOutboundOptions(tag="a", path="a"), self._outbound),
            lambda: UnixgramOutbound(UnixgramOutboundOptions(tag="a", path="a"), self._outbound),
            lambda: VsockOutbound(VsockOutboundOptions(tag="a", cid=1, port=1024), self._outbound),
        ]

    def _headed_datagrams(self) -> HeadedDatagramSocketSide:
        connected = self._connected(socket.SOCK_DGRAM)
        return HeadedDatagramSocketSide(self.datagram_context, connected, b"header")

    def _limited(self, side: LimitableSide) -> LimitableSide:
        side.limit(Flow(Pacer(Clock()), []), since_start=False)
        return side

    def _command(self) -> KernelProcessSide:
        ended: list[KernelProcessSide] = []
        side = KernelProcessSide(
            self.kernel, [sys.executable, "-c", ""], {}, 1, lambda command, line: None, ended.append
        )
        self._case.addCleanup(self.loop.until, lambda: ended, "the command's end")
        self._case.addCleanup(side.abort)
        return side

    def _connected(self, kind: int) -> socket.socket:
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        for end in (one, other):
            self._case.addCleanup(end.close)
        return one
