"""Every kind of outbound is held to the same suite."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.context import DatagramContext
from pipetwist.interfaces import OutboundLike
from pipetwist.kernel.context import kernel_context
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import EndpointOutbound, EndpointOutboundOptions
from pipetwist.outbounds.fork import ForkOutbound, ForkOutboundOptions
from pipetwist.outbounds.tcp import TcpOutbound, TcpOutboundOptions
from pipetwist.outbounds.udp import UdpOutbound, UdpOutboundOptions
from pipetwist.outbounds.unix import UnixOutbound, UnixOutboundOptions
from pipetwist.outbounds.unixgram import UnixgramOutbound, UnixgramOutboundOptions
from pipetwist.outbounds.vsock import VsockOutbound, VsockOutboundOptions
from pipetwist.testing import FakeOutbound, FakeSpawner, OutboundConformance
from tests.support.loop import Loop, open_descriptors
from tests.support.scratch import scratch_folder
from tests.support.vsock import pretend_vsock


def _sockets() -> set[tuple[int, str]]:
    """Those that this process has open. What else it opens, such as an epoll set, it may keep; and
    of earlier tests some may be closed at any time.
    """
    return {one for one in open_descriptors() if one[1].startswith("socket:")}


class FakeOutboundTest(OutboundConformance, SynchronousTestCase):
    """The fake."""

    def make_outbound(self) -> FakeOutbound:
        """Make it."""
        self.outbound = FakeOutbound()
        return self.outbound

    def make_unreachable(self) -> FakeOutbound:
        """Make one that says that it can't."""
        outbound = self.make_outbound()

        def connect() -> Any:
            message = "nobody is there"
            raise OSError(message)

        self.patch(outbound, "connect", connect)
        return outbound

    def open_now(self) -> int:
        """Sides that are not over."""
        return sum(not side.over for side in self.outbound.sides)


class _ConnectingLoop(Loop):
    """Connects Twisted's endpoints, too."""

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> tcp.Connector:
        connector = tcp.Connector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def connectUNIX(
        self, address: str, factory: Any, timeout: int = 30, checkPID: int = 0
    ) -> unix.Connector:
        connector = unix.Connector(address, factory, timeout, self, checkPID)
        connector.connect()
        return connector


class UnixOutboundTest(OutboundConformance, SynchronousTestCase):
    """To a unix socket, over Twisted's transports."""

    in_kernel = False
    kind = socket.SOCK_STREAM
    family = socket.AF_UNIX

    def setUp(self) -> None:
        """Listen where it goes; nobody accepts, which a connection need not wait for."""
        super().setUp()
        self.loop = _ConnectingLoop()
        kernel = kernel_context(self.loop) if self.in_kernel else None
        if kernel is not None:
            self.addCleanup(kernel.close)
        datagram_context = None if kernel is None else DatagramContext(self.loop, kernel.poller)
        self.context = OutboundContext(
            self.loop, None, None, kernel, datagram_context=datagram_context
        )
        self.path = str(scratch_folder(self) / "server")
        self.server = socket.socket(self.family, self.kind)
        self.addCleanup(self.server.close)
        self.server.bind(self.path if self.family == socket.AF_UNIX else ("127.0.0.1", 0))
        if self.kind == socket.SOCK_STREAM:
            self.server.listen(16)
        self.before = _sockets()

    def settle(self) -> None:
        """Turn, and let a little time go by: Twisted tries the next address only after some."""
        self.loop.advance(0.01)
        self.loop.settle()

    def open_now(self) -> int:
        """Sockets that were not there before."""
        return len(_sockets() - self.before)

    def make_outbound(self) -> OutboundLike:
        """Make it."""
        return self.make(self.path)

    def make_unreachable(self) -> OutboundLike:
        """Have it go where nothing is."""
        return self.make(f"{self.path}.gone")

    def make(self, path: str) -> OutboundLike:
        """Make one to this path."""
        return UnixOutbound(UnixOutboundOptions(tag="out", path=path), self.context)


class KernelUnixOutboundTest(UnixOutboundTest):
    """The same in the kernel."""

    in_kernel = True


class FramedOutboundTest(UnixOutboundTest):
    """The same with datagrams on it."""

    def make(self, path: str) -> OutboundLike:
        """Make one to this path."""
        return UnixOutbound(
            UnixOutboundOptions(tag="out", path=path, framing="rfc4571"), self.context
        )


class EndpointOutboundTest(UnixOutboundTest):
    """To the same with a string of Twisted's."""

    def make(self, path: str) -> OutboundLike:
        """Make one to this path."""
        return EndpointOutbound(
            EndpointOutboundOptions(tag="out", endpoint=f"unix:{path}"), self.context
        )


class UnixgramOutboundTest(UnixOutboundTest):
    """To a unix socket of datagrams."""

    in_kernel = True
    kind = socket.SOCK_DGRAM

    def make(self, path: str) -> OutboundLike:
        """Make one to this path."""
        return UnixgramOutbound(UnixgramOutboundOptions(tag="out", path=path), self.context)


class TcpOutboundTest(UnixOutboundTest):
    """To a TCP port."""

    family = socket.AF_INET

    def make_outbound(self) -> OutboundLike:
        """Make it."""
        return self.to(self.server.getsockname()[1])

    def make_unreachable(self) -> OutboundLike:
        """Have it go to a port at which nobody listens."""
        port: int = self.server.getsockname()[1]
        self.server.close()
        self.before = _sockets()
        return self.to(port)

    def to(self, port: int) -> OutboundLike:
        """Make one to this port."""
        return TcpOutbound(
            TcpOutboundOptions(tag="out", server="127.0.0.1", server_port=port), self.context
        )


class KernelTcpOutboundTest(TcpOutboundTest):
    """The same in the kernel."""

    in_kernel = True


class VsockOutboundTest(TcpOutboundTest):
    """To a port of vsock, over Twisted's transports; see `pretend_vsock`."""

    def to(self, port: int) -> OutboundLike:
        """Make one to this port."""
        pretend_vsock(self)
        return VsockOutbound(VsockOutboundOptions(tag="out", cid=3, port=port), self.context)


class KernelVsockOutboundTest(VsockOutboundTest):
    """The same in the kernel."""

    in_kernel = True


class UdpOutboundTest(TcpOutboundTest):
    """To a UDP port."""

    in_kernel = True
    kind = socket.SOCK_DGRAM

    def make_unreachable(self) -> OutboundLike:
        """Have it go where nobody may send: without SO_BROADCAST that is refused at once."""
        return UdpOutbound(
            UdpOutboundOptions(tag="out", server="255.255.255.255", server_port=53), self.context
        )

    def to(self, port: int) -> OutboundLike:
        """Make one to this port."""
        return UdpOutbound(
            UdpOutboundOptions(tag="out", server="127.0.0.1", server_port=port), self.context
        )


class ForkOutboundTest(OutboundConformance, SynchronousTestCase):
    """To commands, which are the test's."""

    def setUp(self) -> None:
        """Have a spawner."""
        super().setUp()
        self.spawner = FakeSpawner()
        self.loop = Loop()

    def settle(self) -> None:
        """Let time go on."""
        self.loop.advance(0)

    def make_outbound(self) -> ForkOutbound:
        """Make it."""
        outbound = ForkOutbound(
            ForkOutboundOptions(tag="out", command=("cat",)),
            OutboundContext(self.loop, self.spawner),
        )
        outbound.startService()
        self.addCleanup(outbound.stopService)
        return outbound

    def make_unreachable(self) -> ForkOutbound:
        """Make one that can start none."""
        self.spawner.error = OSError(11, "Resource temporarily unavailable")
        return self.make_outbound()

    def open_now(self) -> int:
        """Commands that run."""
        return sum(process.pid is not None for process in self.spawner.processes)
