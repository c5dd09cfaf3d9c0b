"""Whoever has connections is told of whatever changes what they may: any sequence of traffic, clock
steps, resets, reloads and kills.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from tests.quotas.counters import FileLikeCounter

_HOUR = 3600
_SLOW, _SLOWER = LimitOptions(down_mbps=2), LimitOptions(down_mbps=1)
_QUOTAS = (
    {
        "alice": (
            QuotaOptions(bytes=100, per="day", then=_SLOW),
            QuotaOptions(bytes=300, per="week"),
        ),
        "bob": (QuotaOptions(bytes=100, per="hour"),),
    },
    {
        "alice": (
            QuotaOptions(bytes=50, per="hour", then=_SLOWER),
            QuotaOptions(bytes=200, per="day", then=_SLOW),
        ),
        "bob": (QuotaOptions(bytes=200, per="day"),),
    },
)
_USERS = ("alice", "bob")
_STEPS = st.one_of(
    st.tuples(st.sampled_from(_USERS), st.integers(1, 150)),
    st.tuples(st.just("clock"), st.integers(-30, 30)),
    st.tuples(st.just("hours"), st.integers(1, 30)),
    st.tuples(st.just("reset"), st.sampled_from((0, 1))),
    st.tuples(st.just("reload"), st.sampled_from((0, 1))),
    st.tuples(st.just("kill"), st.just(0)),
)


class _Daemon:
    """A table, and what holds for the open connections of its users."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.day = 20_000.0 * 24 * _HOUR
        self.counters: dict[str, FileLikeCounter] = {}
        self.options = _QUOTAS[0]
        self.holds: dict[str, tuple[object, object]] = {}
        self.table = self.start()

    def start(self) -> QuotaTable:
        """Start it, with the file that is there."""
        self.table = QuotaTable(
            self.clock,
            Calendar(lambda: self.day + self.clock.seconds(), timezone.utc),
            lambda name: self.counters.setdefault(name, FileLikeCounter(len(self.counters))),
            self.counters.__contains__,
            self.told,
        )
        self.reload()
        return self.table

    def reload(self) -> None:
        """Take the configuration, which sets anew what holds for all that is open."""
        self.table.configure(lambda user: self.options.get(user, ()))
        self.told(_USERS)

    def told(self, users: Collection[str]) -> None:
        """Other limits hold for the connections of these users."""
        self.holds.update((user, self.now(user)) for user in users)

    def now(self, user: str) -> tuple[object, object]:
        """What a user may by what is used."""
        return self.table.spent(user), self.table.following(user)

    def want(self, user: str, count: int) -> None:
        """Connections of a user move so much, if they may, and want more."""
        for quota in self.table.of(user):
            quota.take(count)
            quota.take(0)

    def step(self, what: str, figure: int) -> None:
        """Something happens."""
        if what == "clock":
            self.day += figure * _HOUR
        elif what == "hours":
            self.clock.pump([_HOUR / 2] * (2 * figure))
        elif what == "reset":
            self.table.reset(_USERS[figure])
        elif what == "reload":
            self.options = _QUOTAS[figure]
            self.reload()
        elif what == "kill":
            self.table.stop()
            self.start()
        else:
            self.want(what, figure)


class ToldTest(SynchronousTestCase):
    """Sequences."""

    @settings(deadline=None)
    @given(st.lists(_STEPS, max_size=12))
    def test_any(self, steps: list[tuple[str, int]]) -> None:
        """A second after each step what holds for open connections is what is used up now."""
        daemon = _Daemon()
        for what, figure in steps:
            daemon.step(what, figure)
            daemon.clock.advance(1)
            daemon.clock.advance(0)
            for user in _USERS:
                daemon.want(user, 0)
            daemon.clock.advance(0)
            self.assertEqual(daemon.holds, {user: daemon.now(user) for user in _USERS})
        daemon.table.stop()
