"""What every side of datagrams does, over a system that is the test's."""

from __future__ import annotations

import errno
import os
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.side import BaseDatagramSide
from pipetwist.testing import RecordingReceiver, RecordingTracker
from pipetwist.transfer.lingering import LINGER_SECONDS


class _Batch:
    """Datagrams that have been received."""

    def __init__(self, *datagrams: bytes) -> None:
        self._datagrams = datagrams
        self.lengths = [len(datagram) for datagram in datagrams]

    def data(self, index: int) -> bytes:
        return self._datagrams[index]


class _Side(BaseDatagramSide):
    """A side whose system takes as many datagrams as the test says."""

    def __init__(self, clock: Clock, tracker: RecordingTracker) -> None:
        super().__init__(clock, tracker)
        self.room = 0
        self.sent: list[bytes] = []
        self.batches: list[int] = []
        self.asked: list[str] = []

    def send_batch(self, batch: Any, start: int, stop: int) -> int:
        self.batches.append(stop - start)
        for index in range(start, stop):
            self.send_one(batch.data(index))
        return stop - start

    def send_one(self, datagram: bytes) -> None:
        if not self.room:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self.room -= 1
        self.sent.append(datagram)

    def await_room(self) -> None:
        self.asked.append("await_room")

    def leave(self) -> None:
        self.asked.append("leave")

    def release(self) -> None:
        self.asked.append("release")


class ClosingTest(SynchronousTestCase):
    """A side that is closed while something waits for its peer."""

    def setUp(self) -> None:
        """Have two datagrams wait, and close it."""
        self.clock = Clock()
        self.tracker = RecordingTracker()
        self.side = _Side(self.clock, self.tracker)
        self.receiver = RecordingReceiver()
        self.side.attach(self.receiver)
        self.side.resume_reading()
        for datagram in (b"one", b"two"):
            self.side.write(datagram)
        self.side.close()

    def test_delivered(self) -> None:
        """What waits is still delivered, in order, and with the last of it the side is over."""
        self.side.room = 1
        self.side.flush()
        self.assertEqual((self.side.sent, self.receiver.heard), ([b"one"], []))
        self.side.room = 1
        self.side.flush()
        self.assertEqual(
            (self.side.sent, self.receiver.heard, self.receiver.reason),
            ([b"one", b"two"], ["lost"], ""),
        )
        self.assertEqual(
            (self.side.delivered, self.side.moved, self.side.dropped, self.tracker.down),
            (6, 2, 0, 6),
        )
        self.assertEqual((self.clock.getDelayedCalls(), self.side.asked[-1]), ([], "release"))

    def test_not_delivered(self) -> None:
        """What is not taken in time is dropped."""
        self.clock.advance(LINGER_SECONDS - 0.1)
        self.assertEqual(self.receiver.heard, [])
        self.clock.advance(0.1)
        self.assertEqual((self.receiver.heard, self.side.dropped), (["lost"], 2))

    def test_late(self) -> None:
        """What comes meanwhile is dropped, and so is what is written: it counts as neither received
        nor delivered.
        """
        batch: Any = _Batch(b"late", b"later")
        self.side.arrived(batch, 0, 2)
        self.side.take(batch, 0, 2)
        self.side.write(b"latest")
        self.assertEqual(
            (self.receiver.data, self.side.received, self.side.moved, self.tracker.up),
            (b"", 0, 0, 0),
        )
        self.assertEqual(self.side.dropped, 5)

    def test_shown(self) -> None:
        """It shows that it closes, and how many datagrams still wait."""
        self.assertEqual(repr(self.side), "<_Side reading=EOF writing=CLOSING 2 queued>")
        self.side.abort()
        self.assertEqual(repr(self.side), "<_Side reading=EOF writing=CLOSED>")

    def test_closed_twice(self) -> None:
        """A second close, or a hang-up, changes nothing."""
        self.side.close()
        self.side.disconnect()
        self.assertEqual((self.receiver.heard, len(self.clock.getDelayedCalls())), ([], 1))
        self.side.abort()
        self.assertEqual(
            (self.receiver.heard, self.side.dropped, self.clock.getDelayedCalls()),
            (["lost"], 2, []),
        )


class _Reluctant(RecordingReceiver):
    """Has its side pause after each datagram."""

    def __init__(self, side: BaseDatagramSide) -> None:
        super().__init__()
        self._side = side

    def data_received(self, side: object, data: bytes) -> None:
        super().data_received(side, data + b".")
        self._side.pause_reading()


class PausingTest(SynchronousTestCase):
    """A side that is read from now and then."""

    def setUp(self) -> None:
        """Receive three datagrams before anybody wants one."""
        self.side = _Side(Clock(), RecordingTracker())
        self.receiver = _Reluctant(self.side)
        self.side.attach(self.receiver)
        batch: Any = _Batch(b"one", b"two", b"three")
        self.side.arrived(batch, 0, 3)

    def test_one_by_one(self) -> None:
        """What arrived while reading was paused is passed on in order, until reading is paused
        again.
        """
        found = []
        for _ in range(4):
            found.append(self.receiver.data)
            self.side.resume_reading()
        self.assertEqual(found, [b"", b"one.", b"one.two.", b"one.two.three."])
        self.assertEqual((self.side.received, self.side.moved, self.side.dropped), (11, 3, 0))

    def test_behind_the_others(self) -> None:
        """What comes while some still wait comes behind them."""
        self.side.resume_reading()
        batch: Any = _Batch(b"four")
        self.side.arrived(batch, 0, 1)
        for _ in range(3):
            self.side.resume_reading()
        self.assertEqual(self.receiver.data, b"one.two.three.four.")

    def test_never_wanted(self) -> None:
        """What nobody wanted before the end is dropped."""
        self.side.resume_reading()
        self.side.abort()
        self.side.resume_reading()
        self.assertEqual(
            (self.receiver.data, self.receiver.heard, self.side.dropped), (b"one.", ["lost"], 2)
        )


class CoupledTest(SynchronousTestCase):
    """A side that is coupled with another of its kind."""

    def setUp(self) -> None:
        """Couple two."""
        self.side, self.sink = (_Side(Clock(), RecordingTracker()) for _ in range(2))
        self.side.carry_to(self.sink)
        self.sink.room = 99

    def arrive(self, *datagrams: bytes) -> None:
        """Receive these at once."""
        batch: Any = _Batch(*datagrams)
        self.side.arrived(batch, 0, len(datagrams))

    def test_batches(self) -> None:
        """What is received at once is sent at once, from where it lies."""
        self.side.resume_reading()
        self.arrive(b"one", b"two")
        self.assertEqual((self.sink.batches, self.sink.sent), ([2], [b"one", b"two"]))

    def test_paused(self) -> None:
        """What comes while nothing is wanted waits, and is sent when it is."""
        self.arrive(b"one", b"two")
        self.assertEqual((self.sink.batches, self.sink.sent), ([], []))
        self.side.resume_reading()
        self.assertEqual((self.sink.batches, self.sink.sent), ([], [b"one", b"two"]))
        self.arrive(b"three")
        self.assertEqual((self.sink.batches, self.sink.sent[2:]), ([1], [b"three"]))
