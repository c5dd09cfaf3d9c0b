"""What was used in each period, whatever the clock shows and whenever the process is killed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.quotas.usage import SLOTS
from tests.quotas.counters import CounterFile, DyingCell, Killed


class UsageTest(SynchronousTestCase):
    """`Usage`."""

    def test_new(self) -> None:
        """Nothing is used, and adding counts."""
        usage = CounterFile().usage(100)
        self.assertEqual((usage.begin, usage.used), (100, 0))
        usage.add(5)
        usage.add(-2)
        self.assertEqual(usage.used, 3)
        self.assertEqual(repr(usage), "<Usage 3 bytes since 100>")

    def test_never_below_zero(self) -> None:
        """What is given back after a period has begun was taken from the one before."""
        usage = CounterFile().usage(100)
        usage.add(5)
        usage.enter(200)
        usage.add(-5)
        self.assertEqual(usage.used, 0)

    def test_reset(self) -> None:
        """A reset begins anew in the same period."""
        usage = CounterFile().usage(100)
        usage.add(5)
        usage.reset()
        self.assertEqual((usage.begin, usage.used), (100, 0))

    def test_clock_back(self) -> None:
        """A clock that is put back before all that is known opens no period."""
        usage = CounterFile().usage(200)
        usage.add(5)
        usage.enter(100)
        self.assertEqual((usage.begin, usage.used), (200, 5))

    def test_clock_back_a_little(self) -> None:
        """A clock that is put back by less than a period opens none, wherever others were."""
        usage = CounterFile().usage(100)
        usage.enter(300)
        usage.add(5)
        usage.enter(200, 300)
        self.assertEqual((usage.begin, usage.used), (300, 5))
        usage.enter(900)
        usage.enter(200, 300)
        self.assertEqual((usage.begin, usage.used), (300, 5))

    def test_clock_on_for_long(self) -> None:
        """A clock that was put on, and is put right when the next period has come, lets that one
        begin: it need not wait for a restart.
        """
        usage = CounterFile().usage(100)
        usage.add(5)
        usage.enter(900)
        usage.add(7)
        usage.enter(200, 300)
        self.assertEqual((usage.begin, usage.used), (200, 0))
        usage.enter(900)
        self.assertEqual(usage.used, 7)

    def test_clock_on_and_back(self) -> None:
        """A clock that was put on and back loses nothing, then and when that period has come."""
        usage = CounterFile().usage(100)
        usage.add(5)
        usage.enter(900)
        usage.add(7)
        usage.enter(100)
        self.assertEqual(usage.used, 5)
        for begin in range(200, 900, 100):
            usage.enter(begin)
            self.assertEqual(usage.used, 0)
            usage.add(1)
        usage.enter(900)
        self.assertEqual(usage.used, 7)

    def test_bounded(self) -> None:
        """It takes no more counters than there are slots."""
        file = CounterFile()
        usage = file.usage(100)
        for begin in range(200, 2000, 100):
            usage.enter(begin)
        self.assertEqual(len(file.counters), SLOTS)

    def test_all_time(self) -> None:
        """A quota without a period has one counter for ever."""
        file = CounterFile()
        usage = file.usage(0)
        usage.add(5)
        again = file.usage(0)
        self.assertEqual((again.used, len(file.counters)), (5, 1))

    def test_again(self) -> None:
        """Another process goes on with what is in the file, in the latest period or another."""
        file = CounterFile()
        usage = file.usage(100)
        usage.add(5)
        usage.enter(200)
        usage.add(6)
        self.assertEqual(file.usage(200).used, 6)
        self.assertEqual(file.usage(100).used, 5)
        self.assertEqual(file.usage(300).used, 0)

    def test_again_after_a_wrong_clock(self) -> None:
        """What a clock showed that was put on, before a restart, keeps no period from beginning."""
        file = CounterFile()
        usage = file.usage(100)
        usage.enter(900)
        usage.add(7)
        again = file.usage(200)
        self.assertEqual((again.begin, again.used), (200, 0))
        again.enter(900)
        self.assertEqual(again.used, 7)

    @given(st.integers(0, 1), st.booleans(), st.integers(0, 1000))
    def test_killed(self, lives: int, other_way: bool, used: int) -> None:
        """Whenever it is killed while a period begins in the oldest one's place, the file is valid,
        and what was used in the others is there.
        """
        file = CounterFile()
        usage = file.usage(100)
        usage.add(used)
        for begin in (300, 400, 500):
            usage.enter(begin)
            usage.add(begin)
        if other_way:
            usage.enter(100)
            usage.enter(300)  # the oldest is 100, and 350 comes after the present one
        DyingCell.lives = lives
        try:
            self.assertRaises(Killed, usage.enter, 350 if other_way else 600)
        finally:
            DyingCell.lives = -1
        for counter in file.counters:
            counter.numbers()
        for begin in (300, 400, 500):
            again = file.usage(begin)
            self.assertEqual((again.begin, again.used), (begin, begin))


class _Model(RuleBasedStateMachine):
    """A clock that goes where it likes within a few periods, bytes, and kills between two steps:
    against a dict.
    """

    def __init__(self) -> None:
        super().__init__()
        self.file = CounterFile()
        self.usage = self.file.usage(1000)
        self.used = {1000: 0}
        self.now = 1000

    @rule(count=st.integers(0, 10**12))
    def add(self, count: int) -> None:
        """Bytes pass."""
        self.usage.add(count)
        self.used[self.now] += count

    @rule(part=st.fractions(0, 1))
    def give_back(self, part: float) -> None:
        """Some of them did not."""
        count = int(self.used[self.now] * part)
        self.usage.add(-count)
        self.used[self.now] -= count

    @rule(begin=st.sampled_from((1000, 2000, 3000, 4000)))
    def enter(self, begin: int) -> None:
        """The clock shows another period."""
        following = begin + 1000
        self.usage.enter(begin, following)
        if begin not in self.used and begin < self.now and following in self.used:
            begin = following
        self.now = begin
        self.used.setdefault(begin, 0)

    @rule()
    def reset(self) -> None:
        """Somebody begins anew."""
        self.usage.reset()
        self.used[self.now] = 0

    @rule()
    def restart(self) -> None:
        """The process is killed and started; the clock shows what it showed."""
        self.usage = self.file.usage(self.now)

    @invariant()
    def agrees(self) -> None:
        """Both say the same."""
        for counter in self.file.counters:
            counter.numbers()
        assert (self.usage.begin, self.usage.used) == (self.now, self.used[self.now])


class ModelTest(SynchronousTestCase):
    """Sequences."""

    def test_any(self) -> None:
        """Used agrees with the model after each step."""
        run_state_machine_as_test(
            _Model, settings=settings(max_examples=100, stateful_step_count=30, deadline=None)
        )
