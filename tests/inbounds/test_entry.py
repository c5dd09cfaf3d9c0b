"""Letting accepted sockets in."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.interfaces import IReactorSocket
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.entry import SocketEntry
from pipetwist.inbounds.gate import Gate, RefusedError
from pipetwist.interfaces import IRoute
from pipetwist.kernel.context import kernel_context
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, RecordingReceiver, RecordingRelay, RecordingTracker
from pipetwist.transfer.stream import StreamSide
from tests.inbounds.inbound import NoInbound
from tests.support.memory_transport import MemoryTransport, TurningReactor

_VISITOR = ClientInfo("in", "pid:1 uid:2 gid:3", "pid:1")


@implementer(IReactorSocket)
class _Reactor(TurningReactor):
    """Adopts sockets as transports in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.adopted: list[tuple[int, int]] = []
        self.error: OSError | None = None

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: int, factory: Any) -> None:
        if self.error is not None:
            raise self.error
        self.adopted.append((os.dup(fileDescriptor), addressFamily))
        MemoryTransport(factory.buildProtocol(None))

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        raise NotImplementedError

    def adoptDatagramPort(
        self, fileDescriptor: int, addressFamily: int, protocol: Any, maxPacketSize: int = 8192
    ) -> Any:
        raise NotImplementedError


class _Relay(RecordingRelay):
    """Admits to an outbound whose sides are the kernel's, or not."""

    in_kernel = False

    def route(self, client_info: ClientInfo) -> IRoute:
        outbound = FakeOutbound()
        outbound.in_kernel = self.in_kernel
        return Route(client_info, outbound, super().route(client_info).tracker)


class EntryTest(SynchronousTestCase):
    """One accepted socket."""

    def setUp(self) -> None:
        """Make a pair of sockets, one of which was accepted."""
        self.reactor = _Reactor()
        self.events: list[dict[str, Any]] = []
        self.tracker = RecordingTracker()
        self.relay = _Relay(self.tracker)
        self.accepted, self.client = socket.socketpair()
        self.addCleanup(self.accepted.close)
        self.addCleanup(self.client.close)
        self.client_info: ClientInfo | Exception = _VISITOR

    def enter(self, *, kernel: bool = False) -> None:
        """Let it in, with the kernel's transfer or without."""
        context = kernel_context(self.reactor) if kernel else None
        if context is not None:
            self.addCleanup(context.close)
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        inbound = InboundContext(self.reactor, self.relay, None, context, log)
        SocketEntry(Gate(NoInbound(inbound), self.identify), inbound).accepted(self.accepted)

    def identify(self, connected: socket.socket) -> ClientInfo:
        """Say who it is, as the test wishes."""
        self.assertIs(connected, self.accepted)
        if isinstance(self.client_info, Exception):
            raise self.client_info
        return self.client_info

    def said(self) -> list[str]:
        """What was logged."""
        return [f"{event['log_level'].name}: {formatEvent(event)}" for event in self.events]

    def assertRefused(self) -> None:
        """Nobody was admitted, and the connection is over."""
        self.assertEqual((self.relay.handled, self.accepted.fileno()), ([], -1))
        self.assertEqual(self.client.recv(99), b"")

    def test_stream(self) -> None:
        """If the outbound's side is a Twisted transport the client's is one too, counted, and the
        socket is the reactor's.
        """
        for kernel in (False, True):
            self.setUp()
            self.enter(kernel=kernel)
            ((route, side),) = self.relay.handled
            self.assertIsInstance(side, StreamSide)
            self.assertEqual((route.client_info, self.accepted.fileno()), (_VISITOR, -1))
            ((descriptor, family),) = self.reactor.adopted
            self.assertEqual(family, socket.AF_UNIX)
            os.write(descriptor, b"hello")
            os.close(descriptor)
            self.assertEqual(self.client.recv(99), b"hello")
            side.attach(RecordingReceiver())
            side.transport.protocol.dataReceived(b"counted")  # type: ignore[attr-defined]  # it is a protocol
            self.assertEqual(self.tracker.up, 7)

    def test_kernel(self) -> None:
        """If the outbound's side is a descriptor the client's is one too, counted, and no transport
        is made.
        """
        self.relay.in_kernel = True
        self.enter(kernel=True)
        ((_, side),) = self.relay.handled
        self.assertIsInstance(side, SocketSide)
        self.assertEqual(self.reactor.adopted, [])
        side.attach(RecordingReceiver())
        side.write(b"hello")
        self.assertEqual((self.client.recv(99), self.tracker.down), (b"hello", 5))
        side.abort()

    def test_no_kernel(self) -> None:
        """An inbound that is not to use the kernel's transfer makes a transport all the same."""
        self.relay.in_kernel = True
        self.enter()
        self.assertIsInstance(self.relay.handled[0][1], StreamSide)
        os.close(self.reactor.adopted[0][0])

    def test_refused(self) -> None:
        """A refused client is closed, and logged with its address."""
        self.client_info = RefusedError("refused pid:1, which is not one of its users")
        self.enter()
        self.assertRefused()
        self.assertEqual(
            self.said(), ["warn: inbound in: refused pid:1, which is not one of its users"]
        )
        self.assertEqual(self.relay.rejections, [("in", Cause.REFUSED)])

    def test_gone(self) -> None:
        """A client that has gone before it is identified is closed silently."""
        self.client_info = OSError(107, "Transport endpoint is not connected")
        self.enter()
        self.assertRefused()
        self.assertEqual(self.said(), [])

    def test_no_descriptor(self) -> None:
        """A client that can't be served for lack of a descriptor is closed, and the reason is
        logged.
        """
        self.reactor.error = OSError(24, "Too many open files")
        self.enter()
        self.assertRefused()
        self.assertEqual(
            self.said(),
            ["warn: inbound in: pid:1 uid:2 gid:3 can't be served: Too many open files"],
        )
        self.assertEqual(self.relay.rejections, [("in", Cause.INTERNAL)])
