"""Counting around Twisted protocols, factories and endpoints: to the byte, and without an interface
lost.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IFileDescriptorReceiver,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    IUNIXTransport,
)
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from pipetwist.stats.counting import (
    CountingProtocol,
)
from pipetwist.testing import RecordingTracker
from tests.stats.counted_protocols import Full, Plain
from tests.support.memory_transport import MemoryTransport


class _CountingTestCase(SynchronousTestCase):
    """A counted protocol on a transport in memory."""

    def setUp(self) -> None:
        """Connect it."""
        self.tracker = RecordingTracker()
        self.protocol = Full()
        self.counting = CountingProtocol(None, self.protocol, self.tracker)
        self.transport = MemoryTransport(self.counting)


class ProtocolTest(_CountingTestCase):
    """What passes, and what is counted of it."""

    def test_read(self) -> None:
        """What is read is counted, and passed on."""
        self.transport.receive(b"one")
        self.transport.receive(b"two")
        self.assertEqual(
            (self.protocol.data, self.tracker.up, self.tracker.down), (b"onetwo", 6, 0)
        )

    def test_written(self) -> None:
        """What the system takes is counted, in the moment when it takes it, however it was
        written.
        """
        self.protocol.transport.write(b"one")
        self.protocol.transport.writeSequence([b"two", b"", b"three"])
        self.assertEqual(self.tracker.down, 0)
        self.transport.take(4)
        self.assertEqual((self.tracker.down, self.transport.taken), (4, b"onet"))
        self.transport.take()
        self.assertEqual(
            (self.tracker.down, self.transport.taken, self.tracker.up), (11, b"onetwothree", 0)
        )

    def test_aborted(self) -> None:
        """What an abort leaves unsent was never counted."""
        self.protocol.transport.write(b"sent, and unsent")
        self.transport.take(4)
        self.protocol.transport.abortConnection()
        self.transport.take()
        self.assertEqual((self.tracker.down, self.protocol.heard), (4, ["connectionLost"]))

    def test_closed(self) -> None:
        """What is sent after the protocol has closed is counted."""
        self.protocol.transport.write(b"answer")
        self.protocol.transport.loseConnection()
        self.transport.take(2)
        self.assertEqual((self.tracker.down, self.protocol.heard), (2, []))
        self.transport.take()
        self.assertEqual((self.tracker.down, self.protocol.heard), (6, ["connectionLost"]))

    def test_half_close(self) -> None:
        """Half-closes pass in both directions."""
        self.transport.receive_end()
        self.protocol.transport.write(b"answer")
        self.protocol.transport.loseWriteConnection()
        self.transport.take()
        self.assertEqual(
            (self.protocol.heard, self.tracker.down),
            (["readConnectionLost", "writeConnectionLost"], 6),
        )

    def test_handshake(self) -> None:
        """A completed handshake passes."""
        self.counting.handshakeCompleted()
        self.assertEqual(self.protocol.heard, ["handshakeCompleted"])

    def test_descriptor(self) -> None:
        """A received descriptor passes."""
        self.counting.fileDescriptorReceived(7)
        self.assertEqual(self.protocol.heard, [7])

    def test_protocol_interfaces(self) -> None:
        """It takes just what the protocol takes: one that does not half-close is closed by an end
        of file.
        """
        for protocol in (Plain(), Full()):
            counting = CountingProtocol(None, protocol, self.tracker)
            MemoryTransport(counting)
            for interface in (IHalfCloseableProtocol, IHandshakeListener, IFileDescriptorReceiver):
                self.assertEqual(interface.providedBy(counting), interface.providedBy(protocol))
        plain = Plain()
        transport = MemoryTransport(CountingProtocol(None, plain, self.tracker))
        transport.receive_end()
        self.assertEqual(plain.heard, ["connectionLost"])

    def test_transport_interfaces(self) -> None:
        """To the protocol it is what the transport is."""
        for kinds in ([ITCPTransport], [IUNIXTransport], [ISSLTransport], []):
            transport = StringTransport()
            directlyProvides(transport, *kinds)
            counting = CountingProtocol(None, Plain(), self.tracker)
            counting.makeConnection(transport)
            for interface in (ITCPTransport, IUNIXTransport, ISSLTransport, IPushProducer):
                self.assertEqual(interface.providedBy(counting), interface.providedBy(transport))

    def test_producer(self) -> None:
        """The transport is paused and resumed, and pauses and resumes a producer, as without it."""
        asked: list[str] = []

        class Producer:
            def pauseProducing(self) -> None:
                asked.append("pause")

            def resumeProducing(self) -> None:
                asked.append("resume")

            def stopProducing(self) -> None:
                asked.append("stop")

        self.protocol.transport.pauseProducing()
        self.assertFalse(self.transport.reading)
        self.protocol.transport.resumeProducing()
        self.assertTrue(self.transport.reading)
        self.protocol.transport.registerProducer(Producer(), True)
        self.protocol.transport.write(b"x" * 200_000)
        self.assertEqual((asked, self.tracker.down), (["pause"], 0))
        self.transport.take()
        self.assertEqual((asked, self.tracker.down), (["pause", "resume"], 200_000))
        self.protocol.transport.unregisterProducer()
        self.protocol.transport.stopProducing()
        self.transport.take()
        self.assertEqual((asked, self.protocol.heard), (["pause", "resume"], ["connectionLost"]))

    def test_tls_begins(self) -> None:
        """When TLS begins in the middle, what waits counts once, and what is written afterwards
        counts as the protocol writes it.
        """
        asked: list[object] = []
        self.transport.startTLS = lambda *arguments: asked.append(arguments)  # type: ignore[attr-defined]  # as TCP's transports have it
        self.protocol.transport.write(b"plain")
        self.transport.take(2)
        self.protocol.transport.startTLS("context", False)
        self.assertEqual((asked, self.tracker.down), ([("context", False)], 5))
        self.transport.take()
        self.transport.write(b"what TLS makes of it, which the protocol has not written")
        self.transport.take()
        self.assertEqual(self.tracker.down, 5)
        self.protocol.transport.write(b"hidden")
        self.protocol.transport.writeSequence([b"a", b"b"])
        self.transport.take()
        self.assertEqual(self.tracker.down, 13)

    def test_passes_on(self) -> None:
        """Whatever else a transport has is reached through it."""
        self.transport.own_thing = "own"  # type: ignore[attr-defined]  # some transport's own
        self.assertEqual(
            (self.protocol.transport.own_thing, self.protocol.transport.fileno()), ("own", 99)
        )

    def test_lets_go(self) -> None:
        """Once it is lost it refers to the protocol no more."""
        self.transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(
            (self.counting.wrappedProtocol, self.protocol.heard), (None, ["connectionLost"])
        )

    def test_disconnecting(self) -> None:
        """An abort shows, as a close does."""
        self.assertFalse(self.counting.disconnecting)
        self.counting.abortConnection()
        self.assertTrue(self.counting.disconnecting)

    @settings(database=None, deadline=None)
    @given(
        st.lists(
            st.binary(max_size=300_000)
            | st.lists(st.binary(max_size=9), max_size=3)
            | st.integers(0, 200_000),
            max_size=12,
        )
    )
    def test_any_writes(self, steps: list[bytes | list[bytes] | int]) -> None:
        """Whatever is written and taken in whatever order, what is counted is what was taken."""
        tracker, protocol = RecordingTracker(), Plain()
        transport = MemoryTransport(CountingProtocol(None, protocol, tracker))
        written = b""
        for step in steps:
            if isinstance(step, bytes):
                protocol.transport.write(step)
                written += step
            elif isinstance(step, list):
                protocol.transport.writeSequence(step)
                written += b"".join(step)
            else:
                transport.take(step)
            self.assertEqual(tracker.down, len(transport.taken))
        transport.take()
        self.assertEqual((tracker.down, transport.taken), (len(written), written))
