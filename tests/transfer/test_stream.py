"""A side on a Twisted transport, with the traps that Twisted's transports hold for a relay."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.interfaces import ISide
from pipetwist.stats.counting import CountingProtocol
from pipetwist.testing import RecordingReceiver, RecordingTracker
from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from pipetwist.transfer.stream import StreamSide
from tests.support.memory_transport import MemoryReactor, MemoryTransport
from tests.transfer.stream_case import MUCH, StreamTestCase, TcpTransport


class ReadingTest(StreamTestCase):
    """What comes from the peer."""

    def test_interfaces(self) -> None:
        """It is a side, and a protocol that half-closes."""
        verifyObject(ISide, self.side)
        verifyObject(IHalfCloseableProtocol, self.side)

    def test_paused_at_first(self) -> None:
        """Nothing is read before somebody is attached and asks for it."""
        transport = MemoryTransport(StreamSide(self.clock))
        self.assertFalse(transport.reading)
        self.assertFalse(self.transport.reading)

    def test_reading(self) -> None:
        """What is read is handed on and counted, until it is paused."""
        self.side.resume_reading()
        self.transport.receive(b"one")
        self.transport.receive(b"two")
        self.assertEqual((self.receiver.data, self.side.received), (b"onetwo", 6))
        self.side.pause_reading()
        self.assertFalse(self.transport.reading)

    def test_end(self) -> None:
        """The peer's end of file is reported once, and the side goes on."""
        self.side.resume_reading()
        self.transport.receive_end()
        self.assertEqual(self.receiver.heard, ["read_ended"])
        self.side.write(b"answer")
        self.transport.take()
        self.assertEqual(self.transport.taken, b"answer")

    def test_shown(self) -> None:
        """It shows its descriptor and how its halves are."""
        self.side.resume_reading()
        self.transport.receive_end()
        self.side.write_eof()
        self.assertEqual(
            repr(self.side),
            f"<StreamSide fd={self.transport.fileno()} reading=EOF writing=DRAINING>",
        )

    def test_no_resuming_after_the_end(self) -> None:
        """Once the end of file was read reading is never taken up again, which would tell of it
        once more.
        """
        self.side.resume_reading()
        self.transport.receive_end()
        self.side.pause_reading()
        self.side.resume_reading()
        self.assertFalse(self.transport.reading)


class TcpTest(SynchronousTestCase):
    """Over TCP."""

    def test_small_pieces(self) -> None:
        """Small pieces are not held back for larger ones."""
        self.assertFalse(TcpTransport(StreamSide(Clock())).holds_back)


class WritingTest(StreamTestCase):
    """What goes to the peer."""

    def test_delivered(self) -> None:
        """What is written counts as delivered when the system has taken it, to the byte."""
        self.side.write(b"hello")
        self.assertEqual(self.side.delivered, 0)
        self.transport.take(3)
        self.assertEqual((self.side.delivered, self.transport.taken), (3, b"hel"))
        self.transport.take()
        self.assertEqual((self.side.delivered, self.transport.taken), (5, b"hello"))

    def test_back_pressure(self) -> None:
        """A full buffer is reported, and so is an empty one."""
        self.side.write(b"x" * 60_000)
        self.assertEqual(self.receiver.heard, [])
        self.side.write(b"x" * 60_000)
        self.assertEqual(self.receiver.heard, ["pause_writing"])
        self.transport.take(119_999)
        self.assertEqual(self.receiver.heard, ["pause_writing"])
        self.transport.take(1)
        self.assertEqual(self.receiver.heard, ["pause_writing", "resume_writing"])

    def test_half_close(self) -> None:
        """What was written is delivered before the end of file, and reading goes on; it is asked
        for once.
        """
        self.side.resume_reading()
        self.side.write(b"question")
        self.side.write_eof()
        self.assertFalse(self.transport.shut)
        self.transport.take()
        self.assertEqual((self.transport.taken, self.transport.shut), (b"question", True))
        self.side.write_eof()
        self.transport.receive(b"answer")
        self.assertEqual((self.receiver.data, self.receiver.heard), (b"answer", []))

    def test_half_close_while_crowded(self) -> None:
        """A side whose buffer is full delivers everything, and the end of file too; a producer left
        registered would hold that back for ever.
        """
        self.side.write(MUCH)
        self.side.write_eof()
        self.transport.take()
        self.assertEqual((len(self.transport.taken), self.transport.shut), (len(MUCH), True))
        self.assertEqual(self.receiver.heard, ["pause_writing"])

    def test_nothing_after_finishing(self) -> None:
        """Nothing is written after it."""
        self.side.write_eof()
        self.side.write(b"late")
        self.transport.take()
        self.assertEqual(self.transport.taken, b"")


class _Watch(PeerCloseWatch):
    """Watches what it is told to."""

    def __init__(self) -> None:
        super().__init__(MemoryReactor())  # type: ignore[arg-type]  # it is not asked for anything
        self.watched: dict[int, Any] = {}

    def watch(self, descriptor: int, peer_closed: Any) -> None:
        self.watched[descriptor] = peer_closed

    def forget(self, descriptor: int) -> None:
        del self.watched[descriptor]


class HangUpTest(SynchronousTestCase):
    """A peer that goes."""

    def setUp(self) -> None:
        """Connect a side whose peer is watched."""
        self.watch = _Watch()
        self.side = StreamSide(Clock(), self.watch)
        self.transport = MemoryTransport(self.side, 77)
        self.receiver = RecordingReceiver()

    def test_watched(self) -> None:
        """From when somebody is attached the peer's going is reported, even while nothing is
        read.
        """
        self.assertEqual(self.watch.watched, {})
        self.side.attach(self.receiver)
        self.watch.watched[77]()
        self.assertEqual(self.receiver.heard, ["peer_closed"])

    def test_forgotten(self) -> None:
        """It is watched no more once it is lost."""
        self.side.attach(self.receiver)
        self.transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.watch.watched, {})

    def test_lost_before(self) -> None:
        """One that was lost before somebody was attached was never watched."""
        self.transport.connectionLost(Failure(ConnectionDone()))
        self.side.attach(self.receiver)
        self.assertEqual((self.receiver.heard, self.watch.watched), (["lost"], {}))

    def test_while_closing(self) -> None:
        """While the side closes it is no news."""
        self.side.attach(self.receiver)
        self.side.write(b"answer")
        self.side.close()
        self.watch.watched[77]()
        self.assertEqual(self.receiver.heard, [])

    def test_no_descriptor(self) -> None:
        """A transport without a descriptor is not watched."""
        self.side.makeConnection(StringTransport())
        self.side.attach(self.receiver)
        self.assertEqual(self.watch.watched, {})


class _BareTransport(StringTransport):
    """A transport with no more than the least: no half-close, no abort."""

    abortConnection = None  # type: ignore[assignment]  # it has none


class BareTransportTest(SynchronousTestCase):
    """Transports that have less than a socket's, or show less."""

    def setUp(self) -> None:
        """Connect a side to a transport that only keeps what is written."""
        self.side = StreamSide(Clock())
        self.transport = _BareTransport()
        self.side.makeConnection(self.transport)
        self.receiver = RecordingReceiver()
        self.side.attach(self.receiver)

    def test_delivered(self) -> None:
        """If a transport does not show what the system takes, what it takes itself counts as
        delivered.
        """
        self.side.write(b"hello")
        self.assertEqual((self.side.delivered, self.transport.value()), (5, b"hello"))

    def test_no_half_close(self) -> None:
        """A transport that can't half-close stays open for the answer."""
        self.side.write_eof()
        self.assertFalse(self.transport.disconnecting)
        self.side.write(b"late")
        self.assertEqual(self.transport.value(), b"")

    def test_close(self) -> None:
        """It is closed in the one way that it has."""
        self.side.write(b"answer")
        self.side.close()
        self.assertTrue(self.transport.disconnecting)

    def test_no_abort(self) -> None:
        """One that can't be aborted is closed."""
        self.side.abort()
        self.assertTrue(self.transport.disconnecting)

    def test_counted(self) -> None:
        """A side and the tracker around it count the same, whether the transport shows what is
        taken or not.
        """
        for bare in (False, True):
            tracker = RecordingTracker()
            side = StreamSide(Clock())
            counting = CountingProtocol(None, side, tracker)
            if bare:
                counting.makeConnection(StringTransport())
                side.attach(self.receiver)
                side.write(b"hello")
                expected = 5
            else:
                transport = MemoryTransport(counting)
                side.attach(self.receiver)
                side.write(b"hello")
                transport.take(3)
                expected = 3
            counting.dataReceived(b"read")
            self.assertEqual((side.delivered, tracker.down), (expected, expected))
            self.assertEqual((side.received, tracker.up), (4, 4))
