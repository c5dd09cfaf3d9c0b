"""Other limits for many open connections: in small steps, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.document import Document
from pipetwist.connection.client_info import ClientInfo
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.limits.limits import Limits
from pipetwist.limits.seats import Refusal
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.relay import connection_table
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.service.limiting import finding_limits, limits_of
from pipetwist.steps import at_once
from pipetwist.testing import FakeOutbound, FakeSide

_MANY = 350
_LIMITS = Limits(default=UserLimitOptions(up_mbps=1.0, max_connections=10))


class OpenConnectionsTest(SynchronousTestCase):
    """A table with many connections."""

    def setUp(self) -> None:
        """Open them, of as many users."""
        self.clock = Clock()
        self.table = ConnectionTable(self.clock, log=Logger())
        self.outbound = FakeOutbound("out")
        self.connections = [self.open(f"user-{number}") for number in range(_MANY)]

    def open(self, user: str) -> Connection:
        """Open another one."""
        client_info = ClientInfo("in", "192.0.2.1", "192.0.2.1", user)
        connection = self.table.open(Route(client_info, self.outbound, None), FakeSide())
        connection.open(self.outbound)
        return connection

    def limited(self, connections: Sequence[Connection]) -> int:
        """How many of them are under a rate."""
        return sum(connection in self.table.limits._flows for connection in connections)

    def seats(self, user: str) -> int:
        """How many connections of a user count."""
        return self.table.limits.admission.figures("user", user)[0]

    def test_steps(self) -> None:
        """No step is for more than 100 of them; at the end all are under it, and count."""
        before, steps = 0, []
        for _ in chain(self.table.limiting(_LIMITS), (None,)):
            after = self.limited(self.connections)
            steps.append(after - before)
            before = after
        self.assertEqual((sum(steps), max(steps)), (_MANY, 100))
        self.assertEqual({self.seats(f"user-{number}") for number in range(_MANY)}, {1})
        self.assertEqual(list(self.table.limiting(_LIMITS)), [])

    def test_meanwhile(self) -> None:
        """Those that come and go between two steps are limited as well, and counted once."""
        opened = []
        for number, _ in enumerate(self.table.limiting(_LIMITS)):
            opened.append(self.open("new"))
            self.connections[number].stop("it goes")
            self.connections[-1 - number].stop("it goes")
        left = self.table.connections()
        self.assertEqual(len(left), _MANY - len(opened))
        self.assertEqual(self.limited(left), len(left))
        self.assertEqual(len(self.table.limits._flows), len(left))
        self.assertEqual((self.seats("new"), self.seats("user-0")), (len(opened), 0))
        for connection in left:
            connection.stop("it is enough")
        self.assertEqual((len(self.table), self.table.limits._flows), (0, {}))
        self.assertEqual((self.seats("new"), self.seats("user-100")), (0, 0))

    def test_taken_away(self) -> None:
        """Where nothing is limited any more the connections are as before."""
        self.table.limit(_LIMITS)
        for _ in self.table.limiting(Limits()):
            self.open("new")
        kinds = {type(connection) for connection in self.table.connections()}
        self.assertEqual((kinds, self.table.limits._flows), ({Connection}, {}))
        self.assertEqual((self.seats("new"), self.seats("user-0")), (0, 0))

    def test_expired(self) -> None:
        """Few are ended in one step, and those that are open with time left stay."""
        early = UserLimitOptions(expires="2020-01-01")
        users = {f"user-{number}": early for number in range(0, _MANY, 2)}
        before, steps = len(self.table), []
        for _ in chain(self.table.limiting(Limits(user=users)), (None,)):
            steps.append(before - len(self.table))
            before = len(self.table)
        self.assertEqual((sum(steps), before), (_MANY // 2, _MANY // 2))
        self.assertLessEqual(max(steps), 20)

    def test_expiring_later(self) -> None:
        """So it is when their time is over later."""
        at = UserLimitOptions(expires="2037-01-01T00:00:00Z")
        admission = self.table.limits.admission
        self.table.limit(Limits(default=at))
        moment = admission._limits.moment(at)
        assert moment is not None
        admission._today = lambda: moment
        self.clock.advance(60)
        self.assertEqual(len(self.table), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_used_up(self) -> None:
        """The connections of a user whose quota is used up end a few in a turn, and those of others
        go on; one that has a place again meanwhile stays.
        """
        for connection in self.connections[:100]:
            connection.client_info = connection.client_info._replace(user="alice")
        self.table.limit(_LIMITS)
        spent = Refusal("quota", "user alice", "user alice has used up its quota")
        admission = self.table.limits.admission
        self.patch(admission, "spent", {"alice": spent}.get)
        self.table.look_again(["alice", "nobody"])
        self.assertEqual(len(self.table), _MANY - 20)
        self.clock.advance(0)
        self.assertEqual(len(self.table), _MANY - 100)
        self.assertEqual(self.connections[0].reason, spent.text)
        for connection in self.connections[100:200]:
            connection.client_info = connection.client_info._replace(user="alice")
        self.table.look_again(["alice"])
        self.patch(admission, "spent", lambda _: None)
        self.clock.advance(0)
        self.assertEqual(len(self.table), _MANY - 120)

    def of_alice(self) -> list[Any]:
        """Have all connections be of one user; where the work is noted that is done in turns."""
        for connection in self.connections:
            connection.client_info = connection.client_info._replace(user="alice")
        self.table.limit(_LIMITS)
        works: list[Any] = []
        self.patch(connection_table, "in_turns", lambda _, work: works.append(work))
        return works

    def test_slower(self) -> None:
        """Connections that come under other limits, since a quota is used up, do so in steps as
        well.
        """
        works = self.of_alice()
        limited: list[object] = []
        self.patch(self.table.limits, "limit", lambda one, **_: limited.append(one))
        self.table.look_again(["alice"])
        steps, before = [], 0
        for _ in chain(works[0], (None,)):
            steps.append(len(limited) - before)
            before = len(limited)
        self.assertEqual((before, max(steps)), (_MANY, 100))

    def test_told_again(self) -> None:
        """A user whose connections are being looked at, and who is told of again, is looked at once
        more after that, and not meanwhile; another one is.
        """
        works = self.of_alice()
        self.connections[0].client_info = self.connections[0].client_info._replace(user="bob")
        for users in (["alice"], ["alice"], ["bob", "alice"]):
            self.table.look_again(users)
        self.assertEqual(len(works), 2)
        at_once(works[1])
        self.assertEqual(len(works), 2)
        at_once(works[0])
        self.assertEqual(len(works), 3)
        at_once(works[2])
        self.assertEqual(len(works), 3)
        self.table.look_again(["alice"])
        self.assertEqual(len(works), 4)
        works[3].close()


class FindingTest(SynchronousTestCase):
    """The limits of a configuration."""

    def test_steps(self) -> None:
        """Of many users they are found in steps, and are the same as at once."""
        limits = UserLimitOptions(up_mbps=1.0)
        users = tuple(
            UserOptions(name=f"user-{number}", uid=number, limits=limits if number % 2 else None)
            for number in range(12_000)
        )
        own = UserOptions(name="own", uid=1, limits=replace(limits, expires="2027-01-01"))
        document = Document(
            users=users,
            inbounds=(
                UnixInboundOptions(
                    tag="in", path="/in", users=(own,), limits=LimitOptions(up_mbps=2.0)
                ),
            ),
            outbounds=(UnixOutboundOptions(tag="out", path="/out"),),
        )
        steps: Any = finding_limits(document)
        count = 0
        while True:
            try:
                next(steps)
            except StopIteration as over:
                found = over.value
                break
            count += 1
        self.assertGreater(count, 2)
        self.assertEqual(found, limits_of(document))
        self.assertEqual(len(found.user), 6001)
        self.assertTrue(found.anybody_expires)
        self.assertFalse(found.have_quotas)
