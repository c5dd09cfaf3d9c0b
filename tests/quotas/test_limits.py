"""What follows when a user's quotas are used up, for its rates and its new connections, and when
another period begins.
"""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions, UserLimitOptions
from pipetwist.limits.limit_table import LimitTable
from pipetwist.limits.limits import Limits
from pipetwist.limits.seats import Refusal
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from tests.quotas.counters import FileLikeCounter

_DAY = 86400
_HOUR = 3600
_ALICE = ClientInfo("in", "", "", "alice")
_BOB = ClientInfo("in", "", "", "bob")


class _Admitted:
    """A connection of alice."""

    client_info = _ALICE
    outbound = "out"

    def dismiss(self, refusal: Refusal) -> None:
        """See `pipetwist.limits.admission.Admitted`."""


class LimitsTest(SynchronousTestCase):
    """A table of limits, with quotas."""

    def setUp(self) -> None:
        """Have a file, and a clock."""
        self.clock = Clock()
        self.counters: dict[str, FileLikeCounter] = {}
        self.table = LimitTable(self.clock)
        quotas = QuotaTable(
            self.clock,
            Calendar(lambda: 20_000.0 * _DAY + self.clock.seconds(), timezone.utc),
            lambda name: self.counters.setdefault(name, FileLikeCounter(len(self.counters))),
            self.counters.__contains__,
            self.table.look_again,
        )
        self.quotas = quotas
        self.addCleanup(quotas.stop)
        self.table.keep_quotas(quotas)

    def limit(self, *quotas: QuotaOptions, **more: Any) -> None:
        """Give every user these."""
        self.table.configure(Limits(default=UserLimitOptions(quota=quotas or None, **more)))

    def use(self, count: int, user: str = "alice") -> None:
        """A user moves so much, as far as its quotas go, and wants more."""
        for quota in self.quotas.of(user):
            quota.give_back(-count)
            quota.take(1)
        self.clock.advance(0)

    def rates(self) -> tuple[float | None, float | None]:
        """Megabits a second that alice has, up and down."""
        options = self.table._of("user", "alice")
        return (None, None) if options is None else (options.up_mbps, options.down_mbps)

    def refused(self, client_info: ClientInfo = _ALICE) -> str:
        """By which limit a new connection is refused; empty if it is not."""
        refusal = self.table.admission.refusal(client_info, "out")
        return "" if refusal is None else refusal.limit

    def test_lowest_then(self) -> None:
        """Of several that are used up the lowest rates of all `then` hold, each way by itself, and
        none above the user's own.
        """
        self.limit(
            QuotaOptions(bytes=100, per="hour", then=LimitOptions(up_mbps=8, down_mbps=2)),
            QuotaOptions(bytes=200, per="day", then=LimitOptions(down_mbps=4, up_mbps=30)),
            QuotaOptions(bytes=300, per="week", then=LimitOptions(up_mbps=1)),
            up_mbps=20.0,
        )
        self.assertEqual(self.rates(), (20, None))
        self.use(100)
        self.assertEqual(self.rates(), (8, 2))
        self.use(100)
        self.assertEqual(self.rates(), (8, 2))
        self.use(100)
        self.assertEqual(self.rates(), (1, 2))
        self.clock.advance(_HOUR)
        self.assertEqual(self.rates(), (1, 4))
        self.assertEqual(self.refused(), "")

    def test_one_ends(self) -> None:
        """If one of those that are used up has no `then`, new connections are refused, whatever
        the others say; those of other users are not.
        """
        self.limit(
            QuotaOptions(bytes=100, per="day", then=LimitOptions(up_mbps=1)),
            QuotaOptions(bytes=200, per="hour"),
        )
        self.use(150)
        self.assertEqual((self.refused(), self.rates()), ("", (1, None)))
        self.use(50)
        self.assertEqual((self.refused(), self.refused(_BOB)), ("quota", ""))
        refusal = self.table.admission.refusal(_ALICE, "out")
        assert refusal is not None
        self.assertEqual(refusal.text, "user alice has used up its quota of 200B an hour")

    def test_period_ends(self) -> None:
        """When the next period begins, connections are let in again, and the user's own rates
        hold; a longer one that is used up goes on.
        """
        self.limit(
            QuotaOptions(bytes=100, per="hour"),
            QuotaOptions(bytes=400, per="day", then=LimitOptions(up_mbps=1)),
        )
        self.use(100)
        self.assertEqual(self.refused(), "quota")
        self.clock.advance(_HOUR - 1)
        self.assertEqual(self.refused(), "quota")
        self.clock.advance(1)
        self.assertEqual((self.refused(), self.rates()), ("", (None, None)))
        self.use(300)
        self.clock.advance(_HOUR)
        self.assertEqual((self.refused(), self.rates()), ("", (1, None)))
        self.clock.advance(_DAY - 2 * _HOUR)
        self.assertEqual((self.refused(), self.rates()), ("", (None, None)))

    def test_bounds_then(self) -> None:
        """The bounds on connections of `then` hold for new ones as well, the lowest of all, until
        the next period.
        """
        self.limit(
            QuotaOptions(bytes=100, per="day", then=LimitOptions(max_connections=1)),
            QuotaOptions(bytes=200, per="day", then=LimitOptions(connections_per_second=1.0)),
            max_connections=2,
        )
        admission = self.table.admission
        first, second = _Admitted(), _Admitted()
        self.assertIsNone(admission.admit(first))
        self.use(100)
        self.assertEqual(self.refused(), "max_connections")
        self.assertEqual(admission.closed("user", "alice"), "max_connections of user alice is 1")
        admission.leave(first)
        self.use(100)
        self.assertIsNone(admission.admit(second))
        admission.leave(second)
        self.assertEqual(self.refused(), "connections_per_second")
        self.clock.advance(1)
        self.assertEqual(self.refused(), "")
        self.assertIsNone(admission.admit(first))
        self.assertEqual(self.refused(), "max_connections")
        self.clock.advance(_DAY)
        self.assertEqual(self.refused(), "")

    def test_time_zone(self) -> None:
        """After a reload with another time zone periods are those of that one."""
        quota = UserLimitOptions(quota=(QuotaOptions(bytes=100, per="day"),))
        self.table.configure(Limits(default=quota))
        self.use(100)
        zone = timezone(timedelta(hours=-1))
        self.table.configure(Limits(default=quota, zone=zone))
        self.clock.advance(2 * _HOUR)
        (one,) = self.quotas.of("alice")
        self.assertEqual(one.span.begin % _DAY, _HOUR)

    def test_in_all(self) -> None:
        """One without a period never begins anew, but with a larger amount, or by a reset."""
        self.limit(QuotaOptions(bytes=100))
        self.use(100)
        self.clock.advance(400 * _DAY)
        self.assertEqual(self.refused(), "quota")
        self.limit(QuotaOptions(bytes=101))
        self.assertEqual(self.refused(), "")
        self.use(1)
        self.assertEqual(self.refused(), "quota")
        self.quotas.reset("alice")
        self.assertEqual(self.refused(), "")

    def test_taken_away(self) -> None:
        """A user whose quota is null has none, though everybody else has."""
        quota = (QuotaOptions(bytes=100),)
        self.table.configure(
            Limits(
                default=UserLimitOptions(quota=quota), user={"alice": UserLimitOptions(quota=())}
            )
        )
        self.assertEqual(self.quotas.of("alice"), ())
        self.use(100, "bob")
        self.assertEqual((self.refused(), self.refused(_BOB)), ("", "quota"))
