"""The ledger: what is known of connections while they are open."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.visitor import Visitor
from pipetwist.relay.ledger import Ledger
from pipetwist.relay.relay import Passage
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from pipetwist.stats.tracking import Tracked
from pipetwist.testing import FakeOutbound, FakeSide

__all__ = ["LedgerTest"]


class LedgerTest(SynchronousTestCase):
    """A ledger that sees alice online."""

    def setUp(self) -> None:
        """Make the ledger."""
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        self.online = OnlineUsers(self.clock.seconds)
        self.ledger = Ledger(
            self.clock,
            tracked=Tracked(MemoryCounterStore(), users=["alice"]),
            online=self.online,
            log=Logger("pipetwist", observer=self.events.append),  # type: ignore[arg-type]  # a list's append observes well
        )

    def test_accounts(self) -> None:
        """Those that are open are there in the order in which they came, with their bytes as they stand, and go when they are closed."""
        clients = [FakeSide(), FakeSide()]
        first, second = (
            self.ledger.open(Passage(Visitor("in", user, user, user), FakeOutbound("out"), None), client)
            for user, client in zip(("alice", "bob"), clients, strict=True)
        )
        clients[0].received, clients[0].delivered = 5, 7
        self.assertEqual(self.ledger.accounts(), [first, second])
        self.assertEqual((first.number, first.outbound, first.uplink, first.downlink), (1, "out", 5, 7))
        self.ledger.close(first, "client closed")
        self.assertEqual((self.ledger.accounts(), len(self.ledger), self.ledger.total), ([second], 1, 2))
        self.assertEqual((self.events[0]["uplink"], self.events[0]["reason"]), (5, "client closed"))

    def test_online(self) -> None:
        """Users who are counted are online as long as their connections are open; others are never."""
        accounts = [
            self.ledger.open(Passage(Visitor("in", user, user, user), FakeOutbound(), None), FakeSide()) for user in ("alice", "bob")
        ]
        self.assertEqual(list(self.online.online()), ["alice"])
        for account in accounts:
            self.ledger.close(account, "")
        self.assertEqual((self.online.online(), self.online.sources("bob")), ({}, None))
