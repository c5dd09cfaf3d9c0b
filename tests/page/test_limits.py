"""The limits as they are told to the page."""

from __future__ import annotations

import json
from datetime import timezone
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions, UserLimitOptions
from pipetwist.limits.flow import Flow
from pipetwist.limits.limit_table import LimitTable
from pipetwist.limits.limits import Limits
from pipetwist.page import limits as limits_module
from pipetwist.page.limits import LimitsTold
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.quotas.usage import UnwrittenCounter
from pipetwist.steps import at_once

_DAY = 86400
_MONTH = QuotaOptions(bytes=1000, per="month")
_BOTH = (_MONTH, QuotaOptions(bytes=100, per="day", count="down", then=LimitOptions(up_mbps=1)))


class _Side:
    """A side that is limited."""

    flow: Any = None

    def limit(self, flow: Flow | None, *, since_start: bool, paused: bool) -> None:
        """See `ILimitedSide`."""
        self.flow = flow


class _Connection:
    """What is needed of one."""

    def __init__(self, user: str) -> None:
        self.client_info = ClientInfo("in", "192.0.2.1:1", "192.0.2.1", user)
        self.outbound = "out"
        self.client, self.server = _Side(), _Side()

    def has_paused(self, side: object) -> bool:
        """It never has."""
        return False


class LimitsToldTest(SynchronousTestCase):
    """A table of limits, on a day of 2024."""

    def setUp(self) -> None:
        """Have a table, and a file of quotas."""
        self.clock = Clock()
        self.table = LimitTable(self.clock, today=self.now)
        self.counters: dict[str, UnwrittenCounter] = {}
        quotas = QuotaTable(
            self.clock,
            Calendar(self.now, timezone.utc),
            lambda name: self.counters.setdefault(name, UnwrittenCounter()),
            self.counters.__contains__,
            lambda _: None,
        )
        self.addCleanup(quotas.stop)
        self.table.keep_quotas(quotas)
        self.quotas = quotas
        self.users = ["alice", "bob", "carol", "bob"]
        self.limits = LimitsTold(self.table, lambda: self.users)

    def now(self) -> float:
        """The time of day."""
        return 20_000.0 * _DAY + self.clock.seconds()

    def told(self, *words: str) -> Any:
        """What is told."""
        return json.loads(at_once(self.limits.document(words)))

    def names(self, *words: str) -> list[str]:
        """The names, in their order."""
        return [row["name"] for row in self.told(*words)["rows"]]

    def test_nothing(self) -> None:
        """Where nobody has limits there is nothing."""
        self.assertEqual(self.told(), {"limited": 0, "matching": 0, "rows": []})

    def test_row(self) -> None:
        """Of a user there are its limits, what is open under them, and its quotas with what is used
        and when they begin anew.
        """
        options = UserLimitOptions(
            up_mbps=2.5, max_connections=9, expires="2024-12-01", quota=_BOTH
        )
        self.table.configure(Limits(user={"alice": options}, zone=timezone.utc))
        self.table.admission.admit(_Connection("alice"))  # type: ignore[arg-type]  # it has what is used of one
        for quota in self.quotas.of("alice"):
            quota.usage.add(100)
        (row,) = self.told()["rows"]
        month, day = row.pop("quotas")
        self.assertEqual(
            row,
            {
                "kind": "user",
                "name": "alice",
                "held": {"up": False, "down": False},
                "closed": None,
                "up_mbps": 2.5,
                "down_mbps": None,
                "max_connections": 9,
                "max_sources": None,
                "connections_per_second": None,
                "open": 1,
                "sources": 1,
                "expires": 1_733_011_200.0,
            },
        )
        both = {one["bytes"]: one for one in (month, day)}
        self.assertEqual(
            both[1000],
            {
                "bytes": 1000,
                "used": 100,
                "period": "a month",
                "count": "both",
                "anew": 1_730_419_200,
                "then": None,
            },
        )
        self.assertEqual(
            (both[100]["used"], both[100]["then"], both[100]["anew"]),
            (
                100,
                {
                    "up_mbps": 1,
                    "down_mbps": None,
                    "max_connections": None,
                    "connections_per_second": None,
                },
                20_001 * _DAY,
            ),
        )

    def test_closed(self) -> None:
        """Why new connections would be refused is told."""
        self.table.configure(Limits(user={"alice": UserLimitOptions(quota=(_MONTH,))}))
        (quota,) = self.quotas.of("alice")
        quota.usage.add(1000)
        (row,) = self.told()["rows"]
        self.assertIn("quota", row["closed"])

    def test_default(self) -> None:
        """Where each user has limits all of them are there, once; who has none of its own has
        those.
        """
        self.table.configure(
            Limits(
                user={"alice": UserLimitOptions(up_mbps=7)},
                default=UserLimitOptions(up_mbps=5, down_mbps=float("inf")),
            )
        )
        told = self.told()
        self.assertEqual(told["limited"], 3)
        self.assertEqual(
            [(row["name"], row["up_mbps"], row["down_mbps"]) for row in told["rows"]],
            [("alice", 7, None), ("bob", 5, None), ("carol", 5, None)],
        )

    def test_all_kinds(self) -> None:
        """Inbounds and outbounds with limits are there as well."""
        limit = LimitOptions(connections_per_second=3)
        self.table.configure(Limits(inbound={"in": limit}, outbound={"out": limit}))
        self.assertEqual(
            [
                (row["kind"], row["name"], row["connections_per_second"])
                for row in self.told()["rows"]
            ],
            [("inbound", "in", 3), ("outbound", "out", 3)],
        )

    def test_urgent(self) -> None:
        """Who is held back comes first, and then who has used the most."""
        month = QuotaOptions(bytes=10**9, per="month")
        self.table.configure(Limits(default=UserLimitOptions(down_mbps=1, quota=(month,))))
        (quota,) = self.quotas.of("carol")
        quota.usage.add(500)
        self.assertEqual(self.names(), ["carol", "alice", "bob"])
        held = _Connection("bob")
        self.table.limit(held, since_start=False)
        self.addCleanup(self.table.leave, held)
        while held.server.flow.take():
            pass
        rows = self.told()["rows"]
        self.assertEqual([row["name"] for row in rows], ["bob", "carol", "alice"])
        self.assertEqual(rows[0]["held"], {"up": False, "down": True})
        self.assertEqual(self.table.held_now(), {"down_mbps of user bob"})

    def test_filter(self) -> None:
        """A filter finds those whose names have all of its words."""
        self.users = [f"member {number:03}" for number in range(600)]
        self.table.configure(Limits(default=UserLimitOptions(max_sources=1)))
        self.patch(limits_module, "MAX_LIMITED", 5)
        self.assertEqual(
            self.names("mem", "59"), ["member 059", *(f"member {n}" for n in (159, 259, 359, 459))]
        )
        told = self.told()
        self.assertEqual((told["limited"], told["matching"], len(told["rows"])), (600, 600, 5))
        self.assertGreater(len(list(self.limits.document(()))), 2)

    def test_only_looking(self) -> None:
        """Looking makes no counter for who has never used anything, and finds what was used before
        the start.
        """
        self.table.configure(Limits(default=UserLimitOptions(quota=(_MONTH,))))
        self.told()
        self.assertEqual(self.counters, {})
        begin = 1_727_740_800
        self.counters["alice>>>month-1>>>both>>>0"] = UnwrittenCounter(begin + 70, begin)
        used = {row["name"]: row["quotas"][0]["used"] for row in self.told()["rows"]}
        self.assertEqual(used, {"alice": 70, "bob": 0, "carol": 0})
