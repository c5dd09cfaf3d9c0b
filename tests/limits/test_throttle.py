"""Sides that Twisted reads, with a clock that the test moves."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.limits.flow import Flow
from pipetwist.testing import FakeSide, RecordingReceiver
from tests.limits.bearers import World

_MEGABIT = 125_000
_PIECE = bytes(5000)


class _Transport:
    """A transport, as much of it as is told how much to read at once."""

    bufferSize = 1 << 16


class _LateSide(FakeSide):
    """A side that always has something to read, as much as its transport reads at once, but only
    when the reactor looks at it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.transport = _Transport()

    def resume_reading(self) -> None:
        self.reading = True

    def look(self) -> int:
        """The reactor looks at it; how much was read."""
        if not self.reading:
            return 0
        count = self.transport.bufferSize
        self.received += count
        self.receiver.data_received(self, bytes(count))
        return count


class ManyTest(SynchronousTestCase):
    """Many sides under one rate."""

    def setUp(self) -> None:
        """Have them."""
        self.world = World()
        self.rate = self.world.rate(10 * _MEGABIT)
        self.sides = [_LateSide() for _ in range(200)]
        for side in self.sides:
            side.attach(RecordingReceiver())
            side.resume_reading()

    def limit(self) -> None:
        """Limit them, or limit them anew."""
        for side in self.sides:
            side.limit(Flow(self.world.pacer, [self.rate]), since_start=False)

    def run_for(self, seconds: float) -> None:
        """Read what may be."""
        for _ in range(round(seconds / 0.001)):
            for side in self.sides:
                self.world.note(side.look())
            self.world.clock.advance(0.001)

    def test_many(self) -> None:
        """However many wait, those whose turn has come read no more than there is; and when they
        are limited anew they wait as before.
        """
        self.rate.give_back(-(1 << 20))
        self.limit()
        self.run_for(3)
        self.limit()
        self.run_for(3)
        wanted = 10 * _MEGABIT
        for seconds, part in ((2.0, 0.02), (0.2, 0.1)):
            for count in self.world.passed.windows(seconds, since=1):
                self.assertLessEqual(abs(count - wanted * seconds), part * wanted * seconds + 65536)
        received = [side.received for side in self.sides]
        self.assertLessEqual(max(received) - min(received), 1 << 16)


class ThrottleTest(SynchronousTestCase):
    """A side under a rate."""

    def setUp(self) -> None:
        """Have a side that is read."""
        self.world = World()
        self.side = FakeSide()
        self.receiver = RecordingReceiver()
        self.side.attach(self.receiver)
        self.side.resume_reading()

    def limit(
        self, megabits: float = 1, *, since_start: bool = False, paused: bool = False
    ) -> None:
        """Limit it."""
        flow = Flow(self.world.pacer, [self.world.rate(megabits * _MEGABIT)])
        self.side.limit(flow, since_start=since_start, paused=paused)

    def deliver(self, count: int) -> None:
        """The peer sends so much."""
        for _ in range(count // len(_PIECE)):
            self.side.deliver(_PIECE)

    def test_rate(self) -> None:
        """It has its rate once the burst is used."""
        self.limit()
        self.deliver(10 * _MEGABIT)
        self.world.run(1)
        before = self.side.received
        self.world.run(5)
        self.assertApproximates(self.side.received - before, 5 * _MEGABIT, len(_PIECE))
        self.assertEqual(len(self.receiver.data), self.side.received)

    def test_since_start(self) -> None:
        """What came before counts if that is wanted."""
        self.deliver(_MEGABIT)
        self.limit(since_start=True)
        self.deliver(_MEGABIT)
        self.world.run(0.1)
        self.assertLessEqual(self.side.received, _MEGABIT + len(_PIECE))

    def test_paused(self) -> None:
        """A receiver that pauses it gets nothing, however long that is, and leaves its share."""
        self.limit()
        self.deliver(10 * _MEGABIT)
        self.side.pause_reading()
        before = self.side.received
        self.world.run(2)
        self.assertEqual(self.side.received, before)
        self.assertEqual(self.world.clock.getDelayedCalls(), [])
        self.side.resume_reading()
        self.world.run(0.01)
        self.assertGreater(self.side.received, before)

    def test_paused_before(self) -> None:
        """One that was paused before it was limited stays so."""
        self.side.pause_reading()
        self.limit(paused=True)
        self.deliver(_MEGABIT)
        self.world.run(1)
        self.assertEqual(self.side.received, 0)

    def test_resumed_while_it_waits(self) -> None:
        """A receiver that resumes it does not get ahead of its turn."""
        self.limit()
        self.deliver(10 * _MEGABIT)
        before = self.side.received
        self.side.pause_reading()
        self.side.resume_reading()
        self.assertEqual(self.side.received, before)

    def test_fair(self) -> None:
        """Two that want as much have as much, whatever they read at once."""
        rate = self.world.rate(_MEGABIT)
        other = self.world.bearer(rate)
        self.side.limit(Flow(self.world.pacer, [rate]), since_start=False)
        self.deliver(10 * _MEGABIT)
        other.want(10 * _MEGABIT)
        self.world.run(10)
        self.assertApproximates(self.side.received, other.total, 1 << 16)

    def test_removed(self) -> None:
        """Without the limit it is read freely, and calls nobody but its receiver."""
        self.limit(0.064)
        self.deliver(2 * _MEGABIT)
        self.side.limit(None, since_start=False)
        self.assertEqual(self.side.received, 2 * _MEGABIT)
        self.assertIs(self.side.receiver, self.receiver)
        self.assertNotIn("pause_reading", vars(self.side))
        self.world.run(1)
        self.assertEqual(self.side.received, 2 * _MEGABIT)

    def test_other(self) -> None:
        """Another limit takes the place of the one that it has."""
        self.limit(0.064)
        self.deliver(4 * _MEGABIT)
        self.limit(100)
        self.world.run(1)
        self.assertEqual(self.side.received, 4 * _MEGABIT)

    def test_lost(self) -> None:
        """One that ends while it waits is told to its receiver, and waits no more."""
        self.limit()
        self.deliver(4 * _MEGABIT)
        self.side.lose("gone")
        self.assertEqual((self.receiver.heard, self.receiver.reason), (["lost"], "gone"))
        received = self.side.received
        self.world.run(5)
        self.assertEqual(self.side.received, received)
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_events(self) -> None:
        """Everything else that happens to it is told to its receiver."""
        self.limit()
        self.side.fill()
        self.side.drain()
        self.side.end()
        self.side.go()
        self.assertEqual(
            self.receiver.heard, ["pause_writing", "resume_writing", "read_ended", "peer_closed"]
        )

    def test_reads_less_at_once(self) -> None:
        """A transport that says how much it reads at once reads no more than is granted."""
        side: Any = self.side
        side.transport = _Transport()
        self.limit()
        self.deliver(4 * _MEGABIT)
        self.world.run(1)
        self.assertLessEqual(side.transport.bufferSize, 4096)
        side.limit(None, since_start=False)
        self.assertEqual(side.transport.bufferSize, 1 << 16)
