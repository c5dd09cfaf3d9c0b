"""A stream side that carries datagrams."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.datagram.framed import FramedSide, FrameStatistics, frame_connection
from pipetwist.datagram.framing import frame
from pipetwist.interfaces import IDatagramSide, ISide, ISideReceiver, ITracker
from pipetwist.testing import FakeSide, RecordingReceiver, RecordingTracker


class _Datagrams(RecordingReceiver):
    """Keeps datagrams apart, and answers each."""

    def __init__(self) -> None:
        super().__init__()
        self.datagrams: list[bytes] = []
        self.answer: Callable[[], object] = lambda: None

    def data_received(self, side: object, data: bytes) -> None:
        self.datagrams.append(data)
        self.answer()


class FramedSideTest(SynchronousTestCase):
    """A side over a stream that the test plays."""

    def setUp(self) -> None:
        """Make the side."""
        self.stream = FakeSide()
        self.tracker = RecordingTracker()
        self.side = FramedSide(self.stream, FrameStatistics(self.tracker), 100)
        self.receiver = _Datagrams()
        self.side.attach(self.receiver)
        self.side.resume_reading()

    def test_interfaces(self) -> None:
        """It is a side of datagrams, and hears of its stream."""
        verifyObject(IDatagramSide, self.side)
        verifyObject(ISideReceiver, self.side)

    def test_shown(self) -> None:
        """Its repr shows its stream and its ending; that of its statistics what is queued."""
        self.side.write_eof()
        self.assertEqual(
            repr(self.side), f"<FramedSide on {self.stream!r} reading=OPEN writing=DRAINING>"
        )
        statistics = FrameStatistics()
        statistics.write(5, 3)
        self.assertEqual(repr(statistics), "<FrameStatistics 0 delivered, 1 waiting>")

    def test_received(self) -> None:
        """Datagrams are passed on one by one, and their payload is counted when they are
        complete.
        """
        self.stream.deliver(frame(b"one") + frame(b"") + frame(b"three")[:4])
        self.assertEqual(
            (self.receiver.datagrams, self.side.received, self.tracker.up, self.side.moved),
            ([b"one", b""], 3, 3, 2),
        )
        self.stream.deliver(frame(b"three")[4:])
        self.assertEqual(
            (self.receiver.datagrams[2:], self.side.received, self.tracker.up), ([b"three"], 8, 8)
        )

    def test_written(self) -> None:
        """A datagram is written with its length before it, and counts without it once the system
        has taken all of it.
        """
        self.side.write(b"hello")
        self.assertEqual(
            (self.stream.written, self.side.delivered, self.side.moved), (b"\0\5hello", 5, 1)
        )
        self.stream.stall()
        self.side.write(b"world")
        self.assertEqual((self.side.delivered, self.side.moved), (5, 1))
        self.stream.delivered += 6
        self.assertEqual((self.side.delivered, self.side.moved), (5, 1))
        self.stream.delivered += 1
        self.assertEqual((self.side.delivered, self.side.moved, self.tracker.down), (10, 2, 10))

    def test_too_large_to_carry(self) -> None:
        """A datagram larger than the other side carries ends the stream with what is wrong, and
        nothing after it comes through.
        """
        self.stream.deliver(frame(bytes(101)) + frame(b"next"))
        self.assertEqual(
            (self.receiver.datagrams, self.receiver.reason),
            ([], "a datagram of 101 bytes, where 100 can be carried"),
        )
        self.assertEqual(self.side.received, 0)

    def test_too_large_to_frame(self) -> None:
        """A datagram that no frame holds ends the stream with what is wrong."""
        self.side.write(bytes(65536))
        self.assertEqual(
            (self.stream.written, self.receiver.reason),
            (b"", "a datagram of 65536 bytes, where a frame holds 65535"),
        )
        self.side.write(b"x")
        self.assertEqual(self.stream.written, b"")

    def test_after_an_error(self) -> None:
        """Nothing that the stream brings between an error and its loss comes through, nor its end,
        and nothing of it counts.
        """
        self.stream = FakeSide(lingers=True)
        self.side = FramedSide(self.stream, FrameStatistics(self.tracker), 100)
        self.side.attach(self.receiver)
        self.side.write(bytes(65536))
        # A stream's transport may have read this already when it is aborted.
        self.side.data_received(self.stream, frame(b"late"))
        self.side.read_ended(self.stream)
        self.assertEqual((self.receiver.datagrams, self.receiver.heard), ([], []))
        self.stream.lose("the connection was aborted")
        self.side.data_received(self.stream, frame(b"later"))
        self.assertEqual(
            self.receiver.reason, "a datagram of 65536 bytes, where a frame holds 65535"
        )
        self.assertEqual((self.side.received, self.tracker.up, self.side.moved), (0, 0, 0))

    def test_end_amid_datagrams(self) -> None:
        """If who receives a datagram ends the stream, by an error or in order, those that came
        along with it don't count.
        """
        for end in (lambda: self.side.write(bytes(65536)), lambda: self.side.abort()):
            self.setUp()
            self.receiver.answer = end
            self.stream.deliver(frame(b"one") + frame(b"two"))
            self.assertEqual(
                (self.receiver.datagrams, self.side.received, self.tracker.up, self.side.moved),
                ([b"one"], 3, 3, 1),
            )

    def test_end(self) -> None:
        """The stream's end between datagrams is an end; inside one it is an error."""
        self.stream.deliver(frame(b"x"))
        self.stream.end()
        self.assertEqual((self.receiver.heard, self.receiver.reason), (["read_ended"], None))
        self.setUp()
        self.stream.deliver(frame(b"xyz")[:3])
        self.stream.end()
        self.assertEqual(
            (self.receiver.heard, self.receiver.reason),
            (["lost"], "the stream ended inside a datagram"),
        )

    def test_passed_on(self) -> None:
        """What the stream says of room and of its end is passed on, and so is what is asked of
        it.
        """
        self.stream.fill()
        self.stream.drain()
        self.stream.go()
        self.assertEqual(self.receiver.heard, ["pause_writing", "resume_writing", "peer_closed"])
        self.side.pause_reading()
        self.side.write_eof()
        self.side.close()
        self.assertEqual(self.stream.asked[1:], ["pause_reading", "write_eof", "close"])
        self.assertEqual((self.receiver.heard[3:], self.receiver.reason), (["lost"], ""))
        for ask in ("disconnect", "abort"):
            self.setUp()
            getattr(self.side, ask)()
            self.assertEqual(self.stream.asked[1:], [ask])

    def test_lost(self) -> None:
        """The stream's loss is reported with its cause."""
        self.stream.lose("the connection was reset")
        self.assertEqual(self.receiver.reason, "the connection was reset")
        self.side.write(b"late")
        self.assertEqual((self.stream.written, self.side.dropped), (b"", 1))

    def test_undelivered(self) -> None:
        """What the stream had not delivered when it was lost is dropped, a datagram of which a part
        is missing as well.
        """
        self.side.write(b"one")
        self.stream.stall()
        for datagram in (b"two", b"", b"three"):
            self.side.write(datagram)
        self.stream.delivered += 6
        self.assertEqual(self.side.dropped, 0)
        self.stream.lose("the connection was reset")
        self.assertEqual((self.side.moved, self.side.dropped, self.side.delivered), (2, 2, 6))

    def test_connection(self) -> None:
        """What an outbound connects is framed, be it there at once or later."""
        connected = frame_connection(self.stream)
        assert not isinstance(connected, Deferred)
        self.assertIsInstance(connected, FramedSide)
        later: Deferred[ISide] = Deferred()
        framed = frame_connection(later)
        assert isinstance(framed, Deferred)
        later.callback(self.stream)
        self.assertIsInstance(self.successResultOf(framed), FramedSide)


class StatisticsTest(SynchronousTestCase):
    """What is delivered, by what the system has taken."""

    def test_tracker(self) -> None:
        """It is a tracker, and counts each datagram for another as soon as its last byte is taken;
        reading counts nothing.
        """
        tracker = RecordingTracker()
        statistics = FrameStatistics(tracker)
        verifyObject(ITracker, statistics)
        for payload in (3, 0, 4):
            statistics.write(payload + 2, payload)
        steps = []
        for taken in (4, 1, 1, 1, 5, 1):
            statistics.uplink(taken)
            statistics.downlink(taken)
            steps.append((statistics.datagrams, statistics.delivered, tracker.down, tracker.up))
        self.assertEqual(
            steps,
            [(0, 0, 0, 0), (1, 3, 3, 0), (1, 3, 3, 0), (2, 3, 3, 0), (2, 3, 3, 0), (3, 7, 7, 0)],
        )

    def test_never_back(self) -> None:
        """A figure that lags behind takes nothing back."""
        statistics = FrameStatistics()
        statistics.write(5, 3)
        statistics.downlink(3)
        statistics.reach(1)
        statistics.downlink(2)
        self.assertEqual(statistics.delivered, 3)
