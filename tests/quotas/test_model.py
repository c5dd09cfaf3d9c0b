"""Quotas against a plain model: any sequence of traffic, clock steps, ends of periods, reloads,
resets and kills.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timezone

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota import Direction, Quota
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.quotas.usage import SLOTS
from tests.quotas.counters import FileLikeCounter

_HOUR, _DAY = 3600, 86400
_SECONDS = {"hour": _HOUR, "day": _DAY}
_USERS = ("alice", "bob")
_SLOW, _SLOWER = LimitOptions(down_mbps=2), LimitOptions(down_mbps=1)
_CONFIGURATIONS: tuple[Mapping[str, tuple[QuotaOptions, ...]], ...] = (
    {
        "alice": (
            QuotaOptions(bytes=100, per="day", then=_SLOW),
            QuotaOptions(bytes=300, per="day"),
            QuotaOptions(bytes=150, per="hour", count="up", then=_SLOWER),
        ),
        "bob": (
            QuotaOptions(bytes=200, per="hour", count="down"),
            QuotaOptions(bytes=900),
        ),
    },
    {
        "alice": (
            QuotaOptions(bytes=50, per="day", then=_SLOW),
            QuotaOptions(bytes=80, per="day", then=_SLOWER),
            QuotaOptions(bytes=120, per="hour", count="up"),
        ),
        "bob": (QuotaOptions(bytes=400),),
    },
    {},
)
# At most so many bounds are met by what one user moves at once.
_TURNS = 20


class _Usage:
    """What is used of what is counted of a user, by the first second of each period that is known.

    The clock may show a period that is not known. One that comes after the present one begins, and
    so does one that has a known one before it, but not where the next one is known: a clock that is
    put back by less than a period stays there.
    """

    def __init__(self) -> None:
        self.periods: dict[int, int] = {}
        self.now = 0

    def open(self, begin: int) -> None:
        """A process begins to count, at this period."""
        if self.periods:
            self.now = max([one for one in self.periods if one <= begin] or self.periods)
        self.enter(begin, None)

    def enter(self, begin: int, end: int | None) -> None:
        """The clock shows this period."""
        if begin in self.periods:
            self.now = begin
        elif begin < self.now and end in self.periods:
            assert end is not None
            self.now = end
        elif not self.periods or begin > self.now or min(self.periods) < begin:
            if len(self.periods) == SLOTS:
                del self.periods[min(one for one in self.periods if one != self.now)]
            self.periods[begin] = 0
            self.now = begin

    @property
    def used(self) -> int:
        """In the present period."""
        return self.periods[self.now]

    def add(self, count: int) -> None:
        """So many more."""
        self.periods[self.now] += count


class _Model(RuleBasedStateMachine):
    """A table of quotas, and what it must say."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.noon = 20_000 * _DAY + 12.5 * _HOUR
        self.counters: dict[str, FileLikeCounter] = {}
        self.usages: dict[tuple[str, str | None, str], _Usage] = {}
        self.options = _CONFIGURATIONS[0]
        self.table = self.begin()

    def begin(self) -> QuotaTable:
        """Start a process, with the file that is there."""
        self.table = QuotaTable(
            self.clock,
            Calendar(lambda: self.noon + self.clock.seconds(), timezone.utc),
            lambda name: self.counters.setdefault(name, FileLikeCounter(len(self.counters))),
            self.counters.__contains__,
            lambda _: None,
        )
        self.configure()
        return self.table

    def configure(self) -> None:
        """Take the configuration."""
        self.table.configure(lambda user: self.options.get(user, ()))
        for user in _USERS:
            for per, count in self.counted(user):
                usage, span = self.usage(user, per, count), self.span(per)
                usage.open(span[0])
                usage.enter(*span)

    def counted(self, user: str) -> dict[tuple[str | None, str], list[QuotaOptions]]:
        """A user's quotas, by what they count."""
        found: dict[tuple[str | None, str], list[QuotaOptions]] = {}
        for one in self.options.get(user, ()):
            found.setdefault((one.per, one.count), []).append(one)
        return found

    def usage(self, user: str, per: str | None, count: str) -> _Usage:
        """What is used of these."""
        return self.usages.setdefault((user, per, count), _Usage())

    def span(self, per: str | None) -> tuple[int, int | None]:
        """The first second of the period that the clock shows, and that of the next one."""
        if per is None:
            return 0, None
        begin = int(self.noon + self.clock.seconds()) // _SECONDS[per] * _SECONDS[per]
        return begin, begin + _SECONDS[per]

    def left(self, user: str, direction: Direction) -> int:
        """How much the model lets a user move this way."""
        return min(
            (
                max(0, one.bytes - self.usage(user, per, count).used)
                for (per, count), options in self.counted(user).items()
                for one in options
                if one.then is None and count in ("both", direction)
            ),
            default=10**9,
        )

    # What happens.

    @rule(
        user=st.sampled_from(_USERS),
        direction=st.sampled_from(("up", "down")),
        count=st.integers(1, 500),
        unmoved=st.integers(0, 50),
    )
    def traffic(self, user: str, direction: Direction, count: int, unmoved: int) -> None:
        """Connections of a user want to move so much, and some of what they were given does not
        pass.
        """
        expected = min(count, self.left(user, direction))
        got = 0
        for _ in range(_TURNS):
            got += self.take(user, direction, count - got)
            if got == count:
                break
            self.clock.advance(0)
        assert got == expected, (got, expected)
        moved = max(0, got - unmoved)
        for quota in self.table.of(user):
            if quota.counts(direction):
                quota.give_back(got - moved)
        for per, counts in self.counted(user):
            if counts in ("both", direction):
                self.usage(user, per, counts).add(moved)

    def take(self, user: str, direction: Direction, most: int) -> int:
        """As much as all of a user's quotas give, and no more from any."""
        granted = most
        asked: list[Quota] = []
        for quota in self.table.of(user):
            if granted and quota.counts(direction):
                got = quota.take(granted)
                for one in asked:
                    one.give_back(granted - got)
                asked.append(quota)
                granted = got
        return granted

    @rule(hours=st.integers(-60, 60))
    def step(self, hours: int) -> None:
        """The clock is put on or back, or time passes; a second later that is known."""
        self.noon += hours * _HOUR
        self.clock.advance(1)
        self.clock.advance(0)
        for user in _USERS:
            for per, count in self.counted(user):
                self.usage(user, per, count).enter(*self.span(per))

    @rule(user=st.sampled_from(_USERS))
    def reset(self, user: str) -> None:
        """Somebody begins a user's quotas anew."""
        self.table.reset(user)
        for per, count in self.counted(user):
            usage = self.usage(user, per, count)
            usage.add(-usage.used)

    @rule(number=st.integers(0, len(_CONFIGURATIONS) - 1))
    def reload(self, number: int) -> None:
        """Another configuration is taken."""
        self.options = _CONFIGURATIONS[number]
        self.configure()

    @rule()
    def kill(self) -> None:
        """The process is killed, and another one started."""
        self.table.stop()
        self.begin()

    @invariant()
    def agrees(self) -> None:
        """What is used, left and refused is the same in both."""
        for user in _USERS:
            counted = self.counted(user)
            quotas = self.table.of(user)
            assert len(quotas) == len(counted)
            for quota in quotas:
                key = quota.options[0].per, quota.options[0].count
                assert quota.used == self.usage(user, *key).used, (user, key)
                ends = [one.bytes for one in counted[key] if one.then is None]
                amount = min(ends) if ends else max(one.bytes for one in counted[key])
                assert quota.amount == amount
            reached = [
                one
                for (per, count), options in counted.items()
                for one in options
                if one.bytes <= self.usage(user, per, count).used
            ]
            assert (self.table.spent(user) is None) == all(one.then for one in reached)
            following = [one.then for one in reached if one.then is not None]
            assert sorted(self.table.following(user), key=repr) == sorted(following, key=repr)

    def teardown(self) -> None:
        """Leave no timer."""
        self.table.stop()


class ModelTest(SynchronousTestCase):
    """Sequences."""

    def test_any(self) -> None:
        """Both agree after each step."""
        run_state_machine_as_test(
            _Model, settings=settings(max_examples=100, stateful_step_count=30, deadline=None)
        )
