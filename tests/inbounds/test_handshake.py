"""The first protocol of a connection that comes over a Twisted transport."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, ISSLTransport
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate, RefusedError
from pipetwist.inbounds.handshake import HANDSHAKE_SECONDS, HandshakeFactory, HandshakeProtocol
from pipetwist.testing import RecordingReceiver, RecordingRelay, RecordingTracker
from tests.inbounds.inbound import NoInbound
from tests.support.memory_transport import MemoryTransport

_VISITOR = ClientInfo("in", "127.0.0.1:4711", "127.0.0.1")


class _TlsTransport(MemoryTransport):
    """A transport that says it speaks TLS."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.7", 4711)

    def startReading(self) -> None:
        alsoProvides(self, ISSLTransport)
        super().startReading()


class _HandshakeTestCase(SynchronousTestCase):
    """A handshake protocol of an inbound."""

    kind: type[MemoryTransport] = MemoryTransport

    def setUp(self) -> None:
        """Prepare to be connected."""
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        self.client_info: ClientInfo | Exception = _VISITOR
        self.tracker: RecordingTracker | None = None

    def connect(self) -> MemoryTransport:
        """Connect a client."""
        self.relay = RecordingRelay(self.tracker)
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        inbound = InboundContext(self.clock, self.relay, None, None, log)
        factory = HandshakeFactory(Gate(NoInbound(inbound), self.identify), inbound)
        self.handshake = factory.buildProtocol(None)
        return self.kind(self.handshake)

    def identify(self, transport: object) -> ClientInfo:
        """Say who it is, as the test wishes."""
        self.assertIsInstance(transport, self.kind)
        if isinstance(self.client_info, Exception):
            raise self.client_info
        return self.client_info

    def said(self) -> list[str]:
        """What was logged."""
        return [f"{event['log_level'].name}: {formatEvent(event)}" for event in self.events]

    def attach(self) -> tuple[Any, RecordingReceiver]:
        """Attach a receiver to the one side that came in; both."""
        ((_, side),) = self.relay.handled
        receiver = RecordingReceiver()
        side.attach(receiver)
        return side, receiver


class PlainTest(_HandshakeTestCase):
    """Without TLS."""

    def test_interfaces(self) -> None:
        """It takes half-closes and handshakes."""
        self.connect()
        verifyObject(IHalfCloseableProtocol, self.handshake)
        verifyObject(IHandshakeListener, self.handshake)
        self.assertIsInstance(self.handshake, HandshakeProtocol)

    def test_let_in(self) -> None:
        """A client is let in at once, and everything that happens on the transport happens on its
        side.
        """
        transport = self.connect()
        self.assertEqual(self.relay.clients, [_VISITOR])
        side, receiver = self.attach()
        self.assertFalse(transport.reading)
        side.resume_reading()
        transport.receive(b"hello")
        transport.receive_end()
        side.write(b"answer")
        side.close()
        transport.take()
        self.assertEqual((receiver.data, transport.taken), (b"hello", b"answer"))
        self.assertEqual(
            (receiver.heard, receiver.reason, self.said()), (["read_ended", "lost"], "", [])
        )

    def test_half_close_and_linger(self) -> None:
        """The side is notified that its half-close was sent, and waits for the client's."""
        transport = self.connect()
        side, receiver = self.attach()
        side.write(b"answer")
        side.close()
        transport.take()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        transport.receive_end()
        self.assertEqual((receiver.heard, self.clock.getDelayedCalls()), (["lost"], []))

    def test_counted(self) -> None:
        """What is tracked is counted."""
        self.tracker = RecordingTracker()
        transport = self.connect()
        side, receiver = self.attach()
        side.resume_reading()
        transport.receive(b"hello")
        side.write(b"answer")
        transport.take(2)
        transport.receive_end()
        self.assertEqual(
            (self.tracker.up, self.tracker.down, receiver.heard), (5, 2, ["read_ended"])
        )

    def test_refused(self) -> None:
        """A refused client is closed, and logged; what it sends, and how it ends, is ignored."""
        self.client_info = RefusedError("refused 127.0.0.1:4711, which is not one of its users")
        transport = self.connect()
        self.handshake.dataReceived(b"dropped")
        self.handshake.readConnectionLost()
        self.handshake.writeConnectionLost()
        transport.take()
        self.assertTrue(transport.disconnected)
        self.assertEqual((self.relay.handled, self.relay.rejections), ([], [("in", Cause.REFUSED)]))
        self.assertEqual(
            self.said(), ["warn: inbound in: refused 127.0.0.1:4711, which is not one of its users"]
        )


class HandshakeTest(_HandshakeTestCase):
    """With TLS."""

    kind = _TlsTransport

    def test_let_in(self) -> None:
        """A client is admitted when its handshake is complete, and then takes as long as it
        likes.
        """
        transport = self.connect()
        self.assertEqual(self.relay.clients, [])
        self.handshake.handshakeCompleted()
        _, receiver = self.attach()
        self.clock.advance(HANDSHAKE_SECONDS)
        self.assertFalse(transport.disconnected)
        self.assertEqual((self.relay.clients, receiver.heard), ([_VISITOR], []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_too_slow(self) -> None:
        """A handshake that takes too long is aborted, and logged."""
        transport = self.connect()
        self.clock.advance(HANDSHAKE_SECONDS - 0.1)
        self.assertFalse(transport.disconnected)
        self.clock.advance(0.1)
        self.assertTrue(transport.disconnected)
        self.assertEqual(
            self.said(),
            [
                (
                    "info: inbound in: the TLS handshake with 192.0.2.7:4711 failed: it was not "
                    "completed"
                )
            ],
        )
        self.assertEqual(self.relay.rejections, [("in", Cause.HANDSHAKE)])

    def test_failed(self) -> None:
        """A handshake that fails is logged with the client's address and its cause, and nothing is
        left on the clock.
        """
        for reason, cause in (
            (ConnectionLost(), "the connection was reset"),
            (ConnectionDone(), "it was not completed"),
        ):
            self.events.clear()
            self.connect().connectionLost(Failure(reason))
            self.assertEqual(
                self.said(),
                [f"info: inbound in: the TLS handshake with 192.0.2.7:4711 failed: {cause}"],
            )
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lost_inside(self) -> None:
        """A client that is lost after it came in is its side's to tell."""
        transport = self.connect()
        self.handshake.handshakeCompleted()
        _, receiver = self.attach()
        transport.connectionLost(Failure(ConnectionLost()))
        self.assertEqual((receiver.reason, self.said()), ("the connection was reset", []))

    def test_refused(self) -> None:
        """A refused client is logged once, and closed."""
        self.client_info = RefusedError("refused 127.0.0.1:4711")
        transport = self.connect()
        self.handshake.handshakeCompleted()
        transport.take()
        self.assertTrue(transport.disconnected)
        self.assertEqual(
            (self.said(), self.clock.getDelayedCalls()),
            (["warn: inbound in: refused 127.0.0.1:4711"], []),
        )
        self.assertEqual(self.relay.rejections, [("in", Cause.REFUSED)])

    def test_refused_and_stays(self) -> None:
        """One that does not go when it is refused is aborted after a while."""
        self.client_info = RefusedError("refused 127.0.0.1:4711")
        transport = self.connect()
        self.handshake.handshakeCompleted()
        self.assertFalse(transport.disconnected)
        self.clock.advance(HANDSHAKE_SECONDS)
        self.assertTrue(transport.disconnected)
        self.assertEqual(len(self.said()), 1)

    def test_ends_before(self) -> None:
        """A client that half-closes before its handshake is complete is closed."""
        transport = self.connect()
        transport.receive_end()
        transport.take()
        self.assertTrue(transport.disconnected)
