"""A quota gives no more than it has."""

from __future__ import annotations

from datetime import timezone

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.period import Period
from pipetwist.quotas.quota import Quota
from pipetwist.quotas.usage import Usage
from tests.quotas.counters import CounterFile

_DAY = 86400


class QuotaTest(SynchronousTestCase):
    """`Quota`."""

    def setUp(self) -> None:
        """A clock that is set by hand."""
        self.when = 20_000.0 * _DAY
        self.calendar = Calendar(lambda: self.when, timezone.utc)
        self.met: list[Quota] = []

    def quota(self, amount: int, then: LimitOptions | None = None) -> Quota:
        """A daily one of which nothing is used."""
        current = self.calendar.current(Period("day"))
        usage = Usage(current.span.begin, CounterFile().open_counter)
        options = QuotaOptions(bytes=amount, per="day", then=then)
        return Quota([options], usage, current, self.met.append)

    def test_take(self) -> None:
        """It gives what is left, and then nothing, and says so each time."""
        quota = self.quota(100)
        self.assertEqual([quota.take(60), quota.take(60)], [60, 40])
        self.assertEqual((quota.used, self.met), (100, []))
        self.assertEqual(quota.take(1), 0)
        self.assertEqual(set(self.met), {quota})
        self.assertEqual(quota.used_up, list(quota.options))
        self.assertEqual(repr(quota), "<Quota of 100 bytes a day: 100 used>")

    def test_give_back(self) -> None:
        """What did not pass is left, and what passed beyond is not."""
        quota = self.quota(100)
        quota.take(100)
        quota.give_back(30)
        self.assertEqual(quota.used, 70)
        quota.give_back(-50)
        self.assertEqual((quota.used, quota.take(1)), (120, 0))

    def test_given_back_at_an_end(self) -> None:
        """What somebody gives back once all was taken, and others were told, is all that is left:
        no more, whether connections end then or other limits follow.
        """
        for then in (None, LimitOptions(up_mbps=1)):
            quota = self.quota(100, then)
            quota.take(100)
            quota.take(1)
            quota.go_on()
            quota.give_back(30)
            self.assertEqual([quota.take(500), quota.take(500), quota.used], [30, 0, 100])

    def test_clock_back_used_up(self) -> None:
        """A clock that is put back to a day that was not there makes no difference: with other
        limits, what is used up goes on.
        """
        quota = self.quota(100, LimitOptions(up_mbps=1))
        quota.take(100)
        self.when -= _DAY
        self.calendar.look()
        self.assertEqual((quota.take(10), self.met), (0, [quota]))
        quota.go_on()
        self.assertEqual((quota.take(10), quota.used, quota.take(10)), (10, 110, 10))
        self.assertEqual(self.met, [quota])

    def test_next_period(self) -> None:
        """Another day has all of it."""
        quota = self.quota(100)
        quota.take(100)
        self.when += _DAY
        self.calendar.look()
        self.assertEqual((quota.used_up, quota.take(200)), ([], 100))

    def test_then(self) -> None:
        """Where other limits follow it gives nothing until they hold, and goes on then."""
        quota = self.quota(100, LimitOptions(down_mbps=1))
        self.assertEqual(quota.take(200), 100)
        self.assertEqual((quota.used, self.met), (100, []))
        self.assertEqual([quota.take(200), quota.take(200)], [0, 0])
        self.assertEqual((quota.used, set(self.met)), (100, {quota}))
        quota.go_on()
        self.assertEqual((quota.take(200), quota.used), (200, 300))

    def test_steps(self) -> None:
        """Several that count the same count once; each is said when it is met, and the smallest
        without other limits ends.
        """
        current = self.calendar.current(Period("day"))
        usage = Usage(current.span.begin, CounterFile().open_counter)
        slower, end, later = (
            QuotaOptions(bytes=100, per="day", then=LimitOptions(down_mbps=1)),
            QuotaOptions(bytes=300, per="day"),
            QuotaOptions(bytes=400, per="day"),
        )
        quota = Quota([later, end, slower], usage, current, self.met.append)
        self.assertEqual([quota.take(500), quota.take(50), len(self.met)], [100, 0, 1])
        quota.go_on()
        self.assertEqual([quota.take(50), quota.take(50), len(self.met)], [50, 50, 1])
        self.assertEqual(quota.used_up, [slower])
        self.assertEqual([quota.take(500), len(self.met)], [100, 1])
        self.assertEqual(quota.take(1), 0)
        self.assertEqual((quota.used_up, quota.used), ([slower, end], 300))
        quota.reset()
        self.assertEqual((quota.used_up, quota.take(500)), ([], 100))

    def test_clock_back(self) -> None:
        """Where the clock is put back the period goes on that was there."""
        quota = self.quota(100)
        quota.take(60)
        span = quota.span
        self.when -= 3 * _DAY
        self.calendar.look()
        self.assertEqual((quota.used, quota.span), (60, span))

    def test_counts(self) -> None:
        """It counts what it is for."""
        usage = Usage(1, CounterFile().open_counter)
        current = self.calendar.current(Period())
        counted = {
            count: [
                direction
                for direction in ("up", "down")
                if Quota(
                    [QuotaOptions(bytes=1, count=count)], usage, current, self.met.append
                ).counts(direction)
            ]
            for count in ("up", "down", "both")
        }
        self.assertEqual(counted, {"up": ["up"], "down": ["down"], "both": ["up", "down"]})

    @given(st.integers(1, 10**6), st.lists(st.tuples(st.integers(1, 10**5), st.fractions(0, 1))))
    def test_never_more(self, amount: int, moves: list[tuple[int, float]]) -> None:
        """However it is taken and given back, no more passes than there is, and nothing is lost."""
        quota = self.quota(amount)
        passed = 0
        for most, part in moves:
            taken = quota.take(most)
            moved = int(taken * part)
            quota.give_back(taken - moved)
            passed += moved
            self.assertEqual(quota.used, passed)
        self.assertLessEqual(passed, amount)
