"""A side on a Twisted transport, with the traps that Twisted's transports hold for a relay."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from pipetwist.interfaces import ISide
from pipetwist.stats.counting import CountingProtocol
from pipetwist.testing import RecordingReceiver, RecordingTracker
from pipetwist.transfer import acknowledgement
from pipetwist.transfer.lingering import LINGER_SECONDS
from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from pipetwist.transfer.stream import StreamSide
from tests.support.memory_transport import MemoryReactor, MemoryTransport

_MUCH = b"x" * 200_000


class _StreamTestCase(SynchronousTestCase):
    """A side on a transport in memory."""

    def setUp(self) -> None:
        """Connect the side, and attach a receiver."""
        self.clock = Clock()
        self.side = StreamSide(self.clock)
        self.transport = MemoryTransport(self.side)
        self.receiver = RecordingReceiver()
        self.side.attach(self.receiver)

    def assertLost(self, reason: str = "") -> None:
        """The side is over, as it was told once and last, and nothing of it is left."""
        self.assertEqual(
            (self.receiver.heard.count("lost"), self.receiver.heard[-1], self.receiver.reason),
            (1, "lost", reason),
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(
            (self.transport.memory.readers, self.transport.memory.writers), (set(), set())
        )


class ReadingTest(_StreamTestCase):
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
        """The peer's end of file is told once, and the side goes on."""
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


class _TcpTransport(MemoryTransport):
    """Says that it is TCP, and keeps whether small pieces may be held back."""

    holds_back = True

    def startReading(self) -> None:
        alsoProvides(self, ITCPTransport)
        super().startReading()

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.holds_back = not enabled


class TcpTest(SynchronousTestCase):
    """Over TCP."""

    def test_small_pieces(self) -> None:
        """Small pieces are not held back for larger ones."""
        self.assertFalse(_TcpTransport(StreamSide(Clock())).holds_back)


class EndOfFileTest(_StreamTestCase):
    """What Twisted takes for an end of file, over a socket that is asked."""

    def setUp(self) -> None:
        """Read from a TCP socket."""
        super().setUp()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.peer = socket.create_connection(listening.getsockname())
            self.near, _ = listening.accept()
        self.addCleanup(self.near.close)
        self.addCleanup(self.peer.close)
        self.transport.getHandle = lambda: self.near  # type: ignore[attr-defined]  # which transports of sockets have
        self.side.resume_reading()

    def test_unread(self) -> None:
        """While something is unread there is no end yet: it is read on."""
        self.peer.send(b"last words")
        self.transport.receive_end()
        self.assertEqual((self.receiver.heard, self.transport.reading), ([], True))
        self.near.recv(99)
        self.transport.receive_end()
        self.assertEqual(self.receiver.heard, ["read_ended"])

    def test_reset(self) -> None:
        """A reset is none, though Twisted says so."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.peer.close()
        self.transport.receive_end()
        self.assertLost("the connection was reset")
        self.assertEqual(self.receiver.heard, ["lost"])

    def test_reset_after_it(self) -> None:
        """A reset that came after the end of file leaves it what it is, and ends the side."""
        self.peer.shutdown(socket.SHUT_WR)
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.peer.close()
        self.transport.receive_end()
        self.assertLost("the connection was reset")
        self.assertEqual(self.receiver.heard, ["read_ended", "lost"])

    def test_unread_at_the_close(self) -> None:
        """A peer of which nobody has read what it sent is waited for as one that was sent
        something: closing would be a reset to it.
        """
        self.peer.send(b"unread")
        self.side.close()
        self.transport.take()
        self.assertEqual((self.transport.shut, self.receiver.heard), (True, []))
        self.near.recv(99)
        self.transport.receive_end()
        self.assertLost()


class BreakingOffTest(_StreamTestCase):
    """The other side was cut off."""

    def setUp(self) -> None:
        """Connect it over what says that it is TCP, and have it told how much is under way, and of
        resets.
        """
        super().setUp()
        self.side = StreamSide(self.clock)
        self.receiver = RecordingReceiver()
        self.transport = _TcpTransport(self.side)
        self.side.attach(self.receiver)
        self.side.resume_reading()
        self.left = 0
        self.patch(acknowledgement, "unacknowledged", lambda _: self.left)

    def test_delivers_first(self) -> None:
        """What was written is taken by the system and acknowledged by the peer, whose own bytes go
        nowhere, before it is reset.
        """
        self.side.write(b"half an answer")
        self.side.close_with_error()
        self.transport.receive(b"unheard")
        self.left = 7
        self.transport.take(7)
        self.assertEqual(self.receiver.heard, [])
        self.transport.take()
        self.assertEqual(
            (self.transport.taken, self.receiver.heard, self.receiver.data),
            (b"half an answer", [], b""),
        )
        self.left = 0
        self.clock.advance(0.2)
        self.assertLost()
        self.assertFalse(self.transport.shut)

    def test_nothing_waits(self) -> None:
        """Where nothing waits the reset comes as soon as the system could take something."""
        self.side.close_with_error()
        self.transport.take()
        self.assertLost()
        self.assertFalse(self.transport.shut)

    def test_end_of_file_on_its_way(self) -> None:
        """An end of file that was to follow what was written still does, and then comes the
        reset.
        """
        self.side.write(b"a whole answer")
        self.side.write_eof()
        self.side.close_with_error()
        self.transport.take()
        self.assertEqual((self.transport.taken, self.transport.shut), (b"a whole answer", True))
        self.assertLost()

    def test_after_end_of_file(self) -> None:
        """Where it has gone out already the reset follows at once."""
        self.side.write_eof()
        self.transport.take()
        self.side.close_with_error()
        self.assertLost()

    def test_peer_ends_meanwhile(self) -> None:
        """That the peer ends its own direction is no end in order for what it gets."""
        self.side.write(b"half an answer")
        self.side.close_with_error()
        self.transport.receive_end()
        self.transport.take()
        self.assertLost()
        self.assertFalse(self.transport.shut)

    def test_abort_meanwhile(self) -> None:
        """It can be aborted, which leaves nothing on the clock, and closing changes nothing."""
        self.side.write(b"half an answer")
        self.left = 3
        self.side.close_with_error()
        self.side.close()
        self.transport.take()
        self.assertEqual(self.receiver.heard, [])
        self.side.abort()
        self.assertLost()

    def test_unix(self) -> None:
        """A unix socket knows no reset, and is closed."""
        side = StreamSide(self.clock)
        transport = MemoryTransport(side)
        side.attach(RecordingReceiver())
        side.write(b"half an answer")
        side.close_with_error()
        transport.take()
        self.assertEqual((transport.taken, transport.shut), (b"half an answer", True))
        self.clock.advance(LINGER_SECONDS)


class WritingTest(_StreamTestCase):
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
        """More than a buffer that waits is told, and told again when all of it was taken."""
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
        """A side that is crowded gets everything and the end of file too; a producer left
        registered would keep that back for ever.
        """
        self.side.write(_MUCH)
        self.side.write_eof()
        self.transport.take()
        self.assertEqual((len(self.transport.taken), self.transport.shut), (len(_MUCH), True))
        self.assertEqual(self.receiver.heard, ["pause_writing"])

    def test_nothing_after_finishing(self) -> None:
        """Nothing is written after it."""
        self.side.write_eof()
        self.side.write(b"late")
        self.transport.take()
        self.assertEqual(self.transport.taken, b"")


class ClosingTest(_StreamTestCase):
    """The end that is asked for."""

    def test_after_the_peer(self) -> None:
        """After the peer's end of file the side is over when everything was delivered."""
        self.side.resume_reading()
        self.transport.receive_end()
        self.side.write(_MUCH)
        self.side.close()
        self.assertEqual(self.receiver.heard, ["read_ended", "pause_writing"])
        self.transport.take()
        self.assertEqual(len(self.transport.taken), len(_MUCH))
        self.assertLost()

    def test_after_both_ends(self) -> None:
        """After both ends of file it is over at once."""
        self.side.resume_reading()
        self.side.write(b"answer")
        self.side.write_eof()
        self.transport.take()
        self.transport.receive_end()
        self.side.close()
        self.assertLost()

    def test_peer_was_sent_nothing(self) -> None:
        """A peer that was sent nothing is not waited for."""
        self.side.close()
        self.transport.take()
        self.assertLost()

    def test_waits_for_the_end_of_file(self) -> None:
        """A peer that is still sending gets its answer and an end of file; what it sends is dropped
        until its own end of file.
        """
        self.side.write(b"answer")
        self.side.close()
        self.transport.take()
        self.assertEqual((self.transport.taken, self.transport.shut), (b"answer", True))
        self.transport.receive(b"still sending")
        self.assertEqual((self.receiver.data, self.side.received), (b"", 13))
        self.assertEqual(self.receiver.heard, [])
        self.transport.receive_end()
        self.assertLost()

    def test_does_not_wait_for_ever(self) -> None:
        """A peer that goes on sending is waited for a moment, counted from the last byte that was
        delivered.
        """
        self.side.write(_MUCH)
        self.side.close()
        self.clock.advance(100)
        self.assertFalse(self.transport.disconnected)
        self.transport.take()
        self.clock.advance(LINGER_SECONDS - 0.1)
        self.assertEqual(self.receiver.heard, ["pause_writing"])
        self.clock.advance(0.1)
        self.assertLost()

    def test_after_half_close(self) -> None:
        """The same where the end of file had gone out before."""
        self.side.write(b"answer")
        self.side.write_eof()
        self.transport.take()
        self.side.close()
        self.assertTrue(self.transport.reading)
        self.clock.advance(LINGER_SECONDS)
        self.assertLost()

    def test_lost_while_waiting(self) -> None:
        """A peer that is lost meanwhile is waited for no longer."""
        self.side.write(b"answer")
        self.side.close()
        self.transport.take()
        self.transport.connectionLost(Failure(ConnectionLost()))
        self.assertLost("the connection was reset")

    def test_not_paused_any_more(self) -> None:
        """A side that closes reads on, whatever its receiver asks for."""
        self.side.write(b"answer")
        self.side.close()
        self.side.pause_reading()
        self.assertTrue(self.transport.reading)

    def test_once(self) -> None:
        """It closes once, and hanging up is the same."""
        self.side.write(b"answer")
        self.side.disconnect()
        self.side.close()
        self.transport.take()
        self.transport.receive_end()
        self.side.close()
        self.side.abort()
        self.assertLost()

    def test_abort(self) -> None:
        """An abort ends it now, whatever waits."""
        self.side.write(_MUCH)
        self.side.abort()
        self.assertEqual(self.transport.taken, b"")
        self.assertLost()

    def test_abort_while_closing(self) -> None:
        """A side that is closing can be aborted."""
        self.side.write(_MUCH)
        self.side.close()
        self.side.abort()
        self.assertLost()

    def test_abort_before_attaching(self) -> None:
        """One that nobody wanted can be aborted."""
        side = StreamSide(self.clock)
        transport = MemoryTransport(side)
        side.abort()
        self.assertTrue(transport.disconnected)


class EndsTest(_StreamTestCase):
    """The end that is not asked for."""

    def test_in_order(self) -> None:
        """A loss in order has no cause."""
        self.transport.connectionLost(Failure(ConnectionDone()))
        self.assertLost()

    def test_reset(self) -> None:
        """A reset is told."""
        self.transport.connectionLost(Failure(ConnectionLost()))
        self.assertLost("the connection was reset")

    def test_attached_late(self) -> None:
        """Who is attached after the loss is told at once, and everything else is past."""
        side = StreamSide(self.clock)
        MemoryTransport(side).connectionLost(Failure(ConnectionLost()))
        side.attach(self.receiver)
        self.assertEqual(
            (self.receiver.heard, self.receiver.reason), (["lost"], "the connection was reset")
        )
        side.write(b"late")
        side.resume_reading()
        side.write_eof()
        side.close()
        side.abort()
        self.assertEqual((self.receiver.heard, side.delivered), (["lost"], 0))


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
        """From when somebody is attached the peer's going is told, even while nothing is read."""
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
        """Where a transport does not show what the system takes, what it takes itself counts as
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
