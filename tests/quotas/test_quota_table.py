"""The quotas of many users: which are used up, and who is told of it."""

from __future__ import annotations

from datetime import timezone

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.steps import at_once
from tests.quotas.counters import FileLikeCounter

_DAY = 86400
_SLOW = LimitOptions(down_mbps=1)
_QUOTAS = {
    "alice": (
        QuotaOptions(bytes=1000, per="month"),
        QuotaOptions(bytes=100, per="day", then=_SLOW),
        QuotaOptions(bytes=200, per="day"),
    ),
    "bob": (QuotaOptions(bytes=100),),
}


class QuotaTableTest(SynchronousTestCase):
    """`QuotaTable`."""

    def setUp(self) -> None:
        """A clock that is set by hand, and a file."""
        self.clock = Clock()
        self.begin = 20_000.0 * _DAY
        self.calendar = Calendar(lambda: self.begin + self.clock.seconds(), timezone.utc)
        self.counters: dict[str, FileLikeCounter] = {}
        self.changed: list[str] = []
        self.table = self.start()

    def start(self) -> QuotaTable:
        """Another process with the same file."""

        def counter(name: str) -> FileLikeCounter:
            return self.counters.setdefault(name, FileLikeCounter(len(self.counters)))

        table = QuotaTable(
            self.clock, self.calendar, counter, self.counters.__contains__, self.changed.extend
        )
        table.configure(lambda user: _QUOTAS.get(user, ()))
        self.addCleanup(table.stop)
        return table

    def take(self, user: str, count: int) -> int:
        """Take from all quotas of a user, as a connection does."""
        quotas = self.table.of(user)
        taken = count
        for number, quota in enumerate(quotas):
            got = quota.take(taken)
            for before in quotas[:number]:
                before.give_back(taken - got)
            taken = got
        return taken

    def test_others(self) -> None:
        """Who has none has none, and nothing is made for it."""
        self.assertEqual((self.table.of(None), self.table.of("carol")), ((), ()))
        self.assertEqual(self.counters, {})

    def test_grouped(self) -> None:
        """Those that count the same are one, and each has its counter."""
        self.assertEqual([len(quota.options) for quota in self.table.of("alice")], [2, 1])
        self.assertEqual(
            sorted(self.counters), ["alice>>>day>>>both>>>0", "alice>>>month-1>>>both>>>0"]
        )
        self.assertIs(self.table.of("alice"), self.table.of("alice"))
        self.assertIn("1 users who were seen, 0 of them at an end", repr(self.table))

    def test_used_up(self) -> None:
        """Who is at the end is told once for each turn, in a turn of its own."""
        self.assertEqual(self.take("bob", 500), 100)
        self.assertEqual([self.take("bob", 1) for _ in range(3)], [0, 0, 0])
        self.assertEqual(self.changed, [])
        self.clock.advance(0)
        self.assertEqual(self.changed, ["bob"])
        (_, options), *others = self.table.used_up("bob")
        self.assertEqual((options.bytes, others, self.table.used_up("alice")), (100, [], []))
        self.assertEqual(self.table.spent("bob"), "quota of 100B in all")
        self.assertIsNone(self.table.spent("alice"))

    def test_next_period(self) -> None:
        """When another period begins those are told who had used one up, and no others."""
        self.take("alice", 150)
        self.take("alice", 1)
        self.clock.advance(0)
        self.assertEqual(
            (self.table.following("alice"), self.table.spent("alice")), ([_SLOW], None)
        )
        self.changed.clear()
        self.clock.advance(_DAY)
        self.clock.advance(0)
        self.assertEqual((self.changed, self.table.used_up("alice")), (["alice"], []))
        self.changed.clear()
        self.clock.advance(_DAY)
        self.clock.advance(0)
        self.assertEqual(self.changed, [])

    def test_shorter_period(self) -> None:
        """Who has used up a day's is told at the day's end, though shorter periods of others have
        ended before, or the configuration was read again.
        """
        others = {**_QUOTAS, "bob": (QuotaOptions(bytes=100, per="hour"),)}
        self.table.configure(lambda user: others.get(user, ()))
        self.take("bob", 1)
        self.take("alice", 150)
        self.take("alice", 1)
        self.clock.advance(0)
        for reload in (True, False):
            if reload:
                self.table.configure(lambda user: others.get(user, ()))
                self.table.of("bob")
            else:
                self.clock.advance(_DAY / 24)
            self.clock.advance(0)
            self.take("alice", 10)
            self.assertEqual(self.table.following("alice"), [_SLOW])
        self.changed.clear()
        self.clock.advance(_DAY)
        self.clock.advance(0)
        self.assertEqual((self.changed, self.table.following("alice")), (["alice"], []))

    def test_figures(self) -> None:
        """For the metrics there is what each user who was seen has used, and how much there is."""
        self.take("alice", 150)
        self.take("bob", 7)
        self.assertEqual(
            at_once(self.table.figures()),
            {
                ("alice", "day-both"): (100, 200),
                ("alice", "month-1-both"): (100, 1000),
                ("bob", "all-both"): (7, 100),
            },
        )

    def test_figures_of_many(self) -> None:
        """Those of many users are read in small steps; users who have other quotas meanwhile are
        left out.
        """
        self.table.configure(lambda _: _QUOTAS["bob"])
        for number in range(450):
            self.table.of(f"user-{number}")
        figures = self.table.figures()
        self.assertEqual(sum(1 for _ in figures), 2)
        figures = self.table.figures()
        next(figures)
        self.table.configure(lambda _: ())
        self.assertEqual(len(at_once(figures)), 200)

    def test_restart(self) -> None:
        """What was used stays used."""
        self.take("alice", 70)
        self.table = self.start()
        self.assertEqual([quota.used for quota in self.table.of("alice")], [70, 70])

    def test_other_amounts(self) -> None:
        """A raised figure gives more at once, and whoever was at the end is told."""
        self.take("bob", 500)
        self.take("bob", 1)
        self.clock.advance(0)
        self.changed.clear()
        self.table.configure(lambda _: (QuotaOptions(bytes=150),))
        self.clock.advance(0)
        self.assertEqual(self.changed, ["bob"])
        self.assertEqual(self.take("bob", 500), 50)

    def test_reset(self) -> None:
        """Begun anew, all of it is there again."""
        self.take("alice", 500)
        self.assertEqual(self.table.reset("alice"), 3)
        self.assertEqual(self.take("alice", 500), 100)
        self.assertEqual(self.table.reset("carol"), 0)

    def test_many(self) -> None:
        """Many are told in several turns."""
        self.table.configure(lambda _: (QuotaOptions(bytes=1),))
        for number in range(120):
            self.take(f"user{number}", 1)
            self.take(f"user{number}", 1)
        seen = []

        def another_turn() -> None:
            seen.append(len(self.changed))
            if len(seen) < 4:
                self.clock.callLater(0, another_turn)

        self.clock.callLater(0, another_turn)
        self.clock.advance(0)
        self.assertEqual(seen, [50, 100, 120, 120])

    def test_nothing_configured(self) -> None:
        """Without quotas no clock is looked at."""
        self.table.configure(None)
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
