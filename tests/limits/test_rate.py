"""Rates, with a clock that the test moves."""

from __future__ import annotations

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.limits.pacer import Pacer
from pipetwist.limits.rate import MIN_BURST_BYTES
from tests.limits.bearers import World

_LOTS = 1 << 40
_MEGABIT = 125_000


class ExactTest(SynchronousTestCase):
    """What passes in the time that it takes."""

    def setUp(self) -> None:
        """Have a world."""
        self.world = World()

    def held(self, per_second: float, flows: int, step: float) -> None:
        """After the burst every 2 s are within 2 % of the rate and every 200 ms within 10 %."""
        world = World()
        rate = world.rate(per_second)
        for _ in range(flows):
            world.bearer(rate).want(_LOTS)
        world.run(0.5, step)
        since = world.clock.seconds()
        world.run(4.5, step)
        more = 4096 if per_second < 10 * _MEGABIT else 1 << 16
        for seconds, part in ((2.0, 0.02), (0.2, 0.1)):
            wanted = per_second * seconds
            for passed in world.passed.windows(seconds, since):
                self.assertLessEqual(abs(passed - wanted), part * wanted + more)

    def test_one(self) -> None:
        """One connection has the rate, from 64 kbit/s to 10 Gbit/s, and with a reactor that is
        late.
        """
        for megabits in (0.064, 0.5, 1, 9.9, 10, 100, 1000, 10_000):
            for step in (0.001, 0.005):
                self.held(megabits * _MEGABIT, 1, step)

    def test_many(self) -> None:
        """So have several together, and a thousand."""
        for flows in (2, 17, 1000):
            for megabits in (0.064, 1, 100, 1000):
                self.held(megabits * _MEGABIT, flows, 0.002)

    def test_burst(self) -> None:
        """After a pause as much passes at once as the burst says, and 64 KiB at least."""
        for burst, wanted in ((0.0, MIN_BURST_BYTES), (500_000, 500_000)):
            rate = self.world.rate(1000 * _MEGABIT, burst)
            bearer = self.world.bearer(rate)
            bearer.want(_LOTS)
            self.world.clock.advance(0.001)
            self.assertApproximates(bearer.total, wanted, 0.002 * 1000 * _MEGABIT)

    def test_pause(self) -> None:
        """However long a pause is, no more than the burst has come together in it."""
        bearer = self.world.bearer(self.world.rate(_MEGABIT))
        bearer.want(MIN_BURST_BYTES)
        self.world.run(3600, 3600)
        bearer.want(_LOTS)
        self.world.clock.advance(0.001)
        self.assertApproximates(bearer.total, 2 * MIN_BURST_BYTES, 4096)

    def test_late(self) -> None:
        """Where the reactor is late what has come together for those who wait is not lost."""
        bearer = self.world.bearer(self.world.rate(10 * _MEGABIT))
        bearer.want(_LOTS)
        self.world.run(10, 0.2)
        self.assertApproximates(bearer.total, MIN_BURST_BYTES + 100 * _MEGABIT, 2 * _MEGABIT + 4096)

    def test_no_timer(self) -> None:
        """There is one timer for a thousand who wait, and none if nobody does."""
        rates = [self.world.rate(_MEGABIT) for _ in range(50)]
        bearers = [self.world.bearer(rate) for rate in rates for _ in range(20)]
        for bearer in bearers:
            bearer.want(100_000)
        self.assertEqual(len(self.world.clock.getDelayedCalls()), 1)
        self.world.run(60, 0.01)
        self.assertEqual({bearer.total for bearer in bearers}, {100_000})
        self.assertEqual(self.world.clock.getDelayedCalls(), [])


class ManyTest(SynchronousTestCase):
    """Ten thousand users with limits."""

    def test_turns(self) -> None:
        """When a thousand may go on at once, no more do so before the reactor's descriptors have
        their turn than take a moment.
        """
        world = World()
        turns: list[int] = []
        bearers = [world.bearer(world.rate(_MEGABIT)) for _ in range(1000)]
        serve = Pacer._serve

        def counted(pacer: Pacer) -> None:
            before = len(world.passed)
            serve(pacer)
            turns.append(len(world.passed) - before)

        self.patch(Pacer, "_serve", counted)
        for bearer in bearers:
            bearer.want(_LOTS)
        world.run(1, 0.05)
        self.assertGreater(sum(turns), 1000)
        self.assertLessEqual(max(turns), 64)

    def test_memory(self) -> None:
        """What is kept of a user with limits takes less than 2 KB, one who waits as well."""
        world = World()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        sizes = [tracemalloc.get_traced_memory()[0]]

        def note() -> None:
            sizes.append(tracemalloc.get_traced_memory()[0])

        rates = [
            world.rate(_MEGABIT, name=f"{way}_mbps of user user-{number}")
            for number in range(1000)
            for way in ("up", "down")
        ]
        note()
        bearers = [world.bearer(rate) for rate in rates]
        note()
        for bearer in bearers:
            bearer.want(MIN_BURST_BYTES + 1)
        note()
        self.assertTrue(all(bearer.flow.waits for bearer in bearers))
        # Without the test's own bearers.
        self.assertLess((sizes[1] - sizes[0] + sizes[3] - sizes[2]) / 1000, 2048)


class SharedTest(SynchronousTestCase):
    """Several under one rate, and one under several."""

    def setUp(self) -> None:
        """Have a world."""
        self.world = World()

    def test_fair(self) -> None:
        """Of those who want as much as they can get none is ever more than 64 KiB ahead."""
        for per_second in (8000, _MEGABIT, 1000 * _MEGABIT):
            world = World()
            rate = world.rate(per_second)
            bearers = [world.bearer(rate) for _ in range(10)]
            for bearer in bearers:
                bearer.left = _LOTS
            for _ in range(500):
                for bearer in bearers:
                    if not bearer.flow.waits:
                        granted = bearer.flow.take()
                        if granted:
                            bearer.turn(granted)
                totals = [bearer.total for bearer in bearers]
                self.assertLessEqual(max(totals) - min(totals), 1 << 16)
                world.clock.advance(0.01)

    def test_newcomer(self) -> None:
        """Whoever comes later has as much from then on."""
        rate = self.world.rate(100 * _MEGABIT)
        first, second = self.world.bearer(rate), self.world.bearer(rate)
        first.want(_LOTS)
        self.world.run(5)
        before = first.total
        second.want(_LOTS)
        self.world.run(5)
        self.assertLessEqual(abs(first.total - before - second.total), 1 << 16)

    def test_slow(self) -> None:
        """One that wants less leaves the rest of its share to the others."""
        rate = self.world.rate(8 * _MEGABIT)
        slow, fast = self.world.bearer(rate), self.world.bearer(rate)
        fast.want(_LOTS)
        for _ in range(1000):
            slow.want(100)  # 100 kB a second, of which it may have 500
            self.world.run(0.001)
        self.world.run(0.1)
        self.assertEqual(slow.total, 100_000)
        self.assertApproximates(fast.total, 1_000_000, 100_000)

    def test_lowest(self) -> None:
        """The lowest rate decides, and what it leaves of a higher one is for others."""
        inbound = self.world.rate(10 * _MEGABIT, name="inbound")
        low = self.world.bearer(self.world.rate(_MEGABIT, name="user"), inbound)
        high = self.world.bearer(self.world.rate(100 * _MEGABIT, name="other"), inbound)
        low.want(_LOTS)
        high.want(_LOTS)
        self.world.run(1)
        before = low.total, high.total
        self.world.run(10)
        self.assertApproximates(low.total - before[0], 10 * _MEGABIT, _MEGABIT // 10)
        self.assertApproximates(high.total - before[1], 90 * _MEGABIT, _MEGABIT)

    def test_overshoot(self) -> None:
        """Who moves more than was granted, since it can't be divided, has less later: the rate is
        held, and the others have as much.
        """
        rate = self.world.rate(_MEGABIT)
        large, small = self.world.bearer(rate), self.world.bearer(rate)
        flow = large.flow

        def turn(granted: int) -> None:
            flow.settle(granted, 60_000)
            large.total += 60_000
            flow.wait()

        large.turn = turn  # type: ignore[method-assign]  # it moves datagrams
        flow.wait()
        small.want(_LOTS)
        self.world.run(60)
        self.assertLessEqual(abs(large.total - small.total), 1 << 16)
        self.assertApproximates(large.total + small.total, 60 * _MEGABIT + MIN_BURST_BYTES, 1 << 16)

    def test_leaving(self) -> None:
        """Who leaves takes nobody's turn, and gives back what it has got while it waited."""
        inbound = self.world.rate(_MEGABIT, name="inbound")
        user = self.world.rate(1000 * _MEGABIT, name="user")
        leaving, staying = self.world.bearer(user, inbound), self.world.bearer(user, inbound)
        leaving.want(_LOTS)
        staying.want(_LOTS)
        self.world.run(1)
        leaving.flow.leave()
        self.assertFalse(leaving.flow.waits)
        before = staying.total
        self.world.run(1)
        self.assertApproximates(staying.total - before, _MEGABIT, 4096)

    def test_change(self) -> None:
        """Another rate holds at once, for those who wait too."""
        rate = self.world.rate(1000)
        bearer = self.world.bearer(rate)
        bearer.want(_LOTS)
        self.world.run(0.01)
        rate.change(100 * _MEGABIT, 0, self.world.clock.seconds())
        self.world.pacer.look_again()
        before = bearer.total
        self.world.run(1)
        self.assertApproximates(bearer.total - before, 100 * _MEGABIT, _MEGABIT)

    def test_failing(self) -> None:
        """What goes wrong when a turn is taken ends the one whose turn it was, and no other."""
        rate = self.world.rate(_MEGABIT)
        broken, other = self.world.bearer(rate), self.world.bearer(rate)
        broken.want(_LOTS)
        other.want(_LOTS)

        def turn(granted: int) -> None:
            raise ZeroDivisionError

        broken.turn = turn  # type: ignore[method-assign]  # it is broken
        before = other.total
        self.world.run(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(broken.gone)
        self.assertGreater(other.total - before, 0.9 * _MEGABIT)

    def test_held(self) -> None:
        """A rate knows for how long somebody has waited for it."""
        rate = self.world.rate(_MEGABIT)
        bearer = self.world.bearer(rate)
        bearer.want(MIN_BURST_BYTES + 2 * _MEGABIT)
        self.assertEqual(bearer.flow.held_by, "one")
        self.world.run(1)
        self.assertApproximates(rate.held_seconds(self.world.clock.seconds()), 1, 0.02)
        self.world.run(4)
        self.assertApproximates(rate.held_seconds(self.world.clock.seconds()), 2, 0.1)
        self.assertIn("0 waiting", repr(rate))
