"""Every kind of inbound is held to the same suite."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import unix
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.framing import frame
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.endpoint import EndpointInbound, EndpointInboundOptions
from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.inbounds.udp import UdpInbound, UdpInboundOptions
from pipetwist.inbounds.unix import UnixInbound, UnixInboundOptions
from pipetwist.inbounds.unixgram import UnixgramInbound, UnixgramInboundOptions
from pipetwist.inbounds.vsock import VsockInbound, VsockInboundOptions
from pipetwist.kernel.context import kernel_context
from pipetwist.testing import InboundConformance, RecordingRelay
from tests.support.loop import Loop
from tests.support.scratch import scratch_folder
from tests.support.vsock import pretend_vsock


class _ListeningLoop(Loop):
    """Listens for endpoints on unix sockets, too."""

    def listenUNIX(
        self, address: str, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0
    ) -> unix.Port:
        port = unix.Port(os.fsencode(address), factory, backlog, mode, self, wantPID)
        port.startListening()
        return port


class UnixInboundTest(InboundConformance, SynchronousTestCase):
    """On a unix socket, over Twisted's transports."""

    in_kernel = False
    kind = socket.SOCK_STREAM
    hello = b"hello"

    def make_inbound(self, relay: RecordingRelay) -> Any:
        """Make it, and have the test's clean-up stop it."""
        self.loop = _ListeningLoop()
        relay.outbound.in_kernel = self.in_kernel
        kernel = kernel_context(self.loop) if self.in_kernel else None
        if kernel is not None:
            self.addCleanup(kernel.close)
        datagram_context = None if kernel is None else DatagramContext(self.loop, kernel.poller)
        self.context = context = InboundContext(
            self.loop, relay, None, kernel, datagram_context=datagram_context
        )
        self.folder = scratch_folder(self)
        self.path = str(self.folder / "in")
        inbound = self.make(context)
        self.addCleanup(self.settle)
        self.addCleanup(inbound.stop_listening)
        return inbound

    def settle(self) -> None:
        """Turn."""
        self.loop.advance(0)
        self.loop.settle()

    def client_comes(self) -> Callable[[], object]:
        """Connect, and send."""
        client = socket.socket(socket.AF_UNIX, self.kind)
        self.addCleanup(client.close)
        if self.kind == socket.SOCK_DGRAM:
            client.bind("")  # a name of its own, which Linux gives
        client.connect(self.path)
        client.sendall(self.hello)
        return client.close

    def make(self, context: InboundContext) -> Any:
        """Make it at the path."""
        return UnixInbound(UnixInboundOptions(tag="in", path=self.path), context)


class KernelUnixInboundTest(UnixInboundTest):
    """The same before outbounds in the kernel."""

    in_kernel = True


class FramedInboundTest(UnixInboundTest):
    """The same with datagrams on it."""

    hello = frame(b"hello")

    def make(self, context: InboundContext) -> Any:
        """Make it at the path."""
        return UnixInbound(UnixInboundOptions(tag="in", path=self.path, framing="rfc4571"), context)


class EndpointInboundTest(UnixInboundTest):
    """At the same path, with a string of Twisted's."""

    def make(self, context: InboundContext) -> Any:
        """Make it at the path."""
        return EndpointInbound(
            EndpointInboundOptions(tag="in", endpoint=f"unix:{self.path}"), context
        )


class UnixgramInboundTest(UnixInboundTest):
    """On a unix socket of datagrams."""

    in_kernel = True
    kind = socket.SOCK_DGRAM

    def make(self, context: InboundContext) -> Any:
        """Make it at the path."""
        return UnixgramInbound(UnixgramInboundOptions(tag="in", path=self.path), context)


class TcpInboundTest(UnixInboundTest):
    """On a TCP port."""

    in_kernel = True
    port = 0
    """Where it listens, or did before it stopped."""

    def client_comes(self) -> Callable[[], object]:
        """Connect, and send."""
        client = self.client()
        client.sendall(self.hello)
        return client.close

    def client(self) -> socket.socket:
        """Connect one."""
        for listening in self.context.listeners:
            self.port = listening.getsockname()[1]
        client = socket.socket(socket.AF_INET, self.kind)
        self.addCleanup(client.close)
        client.connect(("127.0.0.1", self.port))
        return client

    def make(self, context: InboundContext) -> Any:
        """Make it at a port that the system chooses."""
        return TcpInbound(TcpInboundOptions(tag="in", listen="127.0.0.1", listen_port=0), context)


class VsockInboundTest(TcpInboundTest):
    """On a port of vsock, over Twisted's transports; see `pretend_vsock`."""

    in_kernel = False

    def make(self, context: InboundContext) -> Any:
        """Make it at a port that the system chooses."""
        pretend_vsock(self)
        return VsockInbound(VsockInboundOptions(tag="in", port=0), context)


class KernelVsockInboundTest(VsockInboundTest):
    """The same before outbounds in the kernel."""

    in_kernel = True


class UdpInboundTest(TcpInboundTest):
    """On a UDP port."""

    kind = socket.SOCK_DGRAM

    def client_comes(self) -> Callable[[], object]:
        """Send, and hear at once where nobody listens."""
        client = self.client()
        client.send(self.hello)
        self.settle()
        client.send(b"")  # which says that the one before was refused
        return client.close

    def make(self, context: InboundContext) -> Any:
        """Make it at a port that the system chooses."""
        return UdpInbound(UdpInboundOptions(tag="in", listen="127.0.0.1", listen_port=0), context)
