"""Which rates a connection is under."""

from __future__ import annotations

import tracemalloc
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import parse_document
from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import ConfigError
from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from pipetwist.limits.limit_table import LimitTable
from pipetwist.limits.limits import Limits
from pipetwist.service.limiting import limits_of
from tests.support.documents import FOLDER

_OUT = '"outbounds": [{"type": "unix", "tag": "out", "path": "out"}]'


class _Side:
    """A side that knows only whether it is limited."""

    flow: Any = None

    def limit(self, flow: Any, *, since_start: bool, paused: bool) -> None:
        """See `ILimitedSide`."""
        self.flow = flow

    @property
    def rates(self) -> list[str]:
        """The names of the rates that it is under, in their order."""
        return [] if self.flow is None else [rate.name for rate in self.flow._rates]


class _Connection:
    """What the table needs of one."""

    def __init__(self, user: str | None, inbound: str = "in", outbound: str = "out") -> None:
        self.client_info = ClientInfo(inbound, "", "", user)
        self.outbound = outbound
        self.client, self.server = _Side(), _Side()

    def has_paused(self, side: Any) -> bool:
        """It never has."""
        return False


class LimitTableTest(SynchronousTestCase):
    """A table, and connections without bytes."""

    def setUp(self) -> None:
        """Have a table."""
        self.table = LimitTable(Clock())

    def rates(self, connection: _Connection) -> tuple[list[str], list[str]]:
        """What its two directions are under."""
        self.table.limit(connection, since_start=False)
        return connection.client.rates, connection.server.rates

    def test_entities(self) -> None:
        """It is under those of its user, its outbound and its inbound, in this order, each in its
        direction.
        """
        one = LimitOptions(up_mbps=1)
        self.table.configure(
            Limits(
                {"in": one},
                {"out": LimitOptions(down_mbps=2)},
                {"alice": UserLimitOptions(up_mbps=1.0)},
            )
        )
        self.assertEqual(
            self.rates(_Connection("alice")),
            (["up_mbps of user alice", "up_mbps of inbound in"], ["down_mbps of outbound out"]),
        )
        self.assertEqual(self.rates(_Connection("bob", "other", "third")), ([], []))
        self.assertEqual(
            self.rates(_Connection(None)),
            (["up_mbps of inbound in"], ["down_mbps of outbound out"]),
        )

    def test_shared(self) -> None:
        """All connections of one share its rate; those of another have another."""
        self.table.configure(Limits(default=UserLimitOptions(up_mbps=1.0)))
        connections = [_Connection(user) for user in ("alice", "alice", "bob")]
        for connection in connections:
            self.rates(connection)
        rates = [connection.client.flow._rates[0] for connection in connections]
        self.assertIs(rates[0], rates[1])
        self.assertIsNot(rates[0], rates[2])

    def test_kept(self) -> None:
        """Other limits change a rate in place, and one that has gone is made anew if it comes
        again.
        """
        connection = _Connection(None)
        rates = []
        for limits in ({"in": LimitOptions(up_mbps=1)}, {"in": LimitOptions(up_mbps=2)}, {}):
            self.table.configure(Limits(limits))
            self.rates(connection)
            rates.append(connection.client.flow and connection.client.flow._rates[0])
        self.assertIs(rates[0], rates[1])
        self.assertIsNone(rates[2])
        self.assertFalse(self.table)

    def test_memory(self) -> None:
        """What is kept of each user that has been there, and its limits in the configuration, takes
        less than 1.5 KiB.
        """
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        users = {
            f"user-{number}": UserLimitOptions(up_mbps=1.5, down_mbps=2.5, max_connections=number)
            for number in range(1000)
        }
        self.table.configure(Limits(user=users))
        for user in users:
            self.assertEqual(
                self.rates(_Connection(user)),
                ([f"up_mbps of user {user}"], [f"down_mbps of user {user}"]),
            )
        self.table._flows.clear()  # they are those of connections
        after = tracemalloc.get_traced_memory()[0]
        self.assertLess((after - before) / len(users), 1536)

    def test_closes_meanwhile(self) -> None:
        """Nothing is kept of a connection that closes while it is limited, as one may whose held
        back bytes go on to a server that has gone.
        """
        self.table.configure(Limits({"in": LimitOptions(up_mbps=1)}))
        connection = _Connection(None)
        side: Any = connection.client
        side.limit = lambda flow, **_: self.table.leave(connection)
        self.table.limit(connection, since_start=False)
        self.assertEqual(self.table._flows, {})

    def test_foreign_side(self) -> None:
        """A side that can't be limited is left as it is."""
        self.table.configure(Limits({"in": LimitOptions(up_mbps=1)}))
        connection = _Connection(None)
        side: Any = object()
        connection.client = side
        self.table.limit(connection, since_start=False)
        self.assertIsNone(connection.server.flow)


class MergingTest(SynchronousTestCase):
    """Limits of users, as they are written."""

    def merged(self, default: str, own: str) -> UserLimitOptions | None:
        """What holds for alice."""
        document = parse_document(
            f'{{"default_limits": {default}, "users": ['
            f'{{"name": "alice", "uid": 1, "limits": {own}}}, {{"name": "alice", "gid": 1}}],'
            f'"inbounds": [{{"type": "unix", "tag": "in", "path": "in", "users": "*"}}], {_OUT}}}',
            FOLDER,
            "file",
        )
        found = limits_of(document).of("user", "alice")
        assert found is None or isinstance(found, UserLimitOptions)
        return found

    def test_merging(self) -> None:
        """A user's keys replace those for everybody one by one; null takes one away."""
        default = '{"up_mbps": 1, "down_mbps": 2}'
        for own, wanted in (
            ("{}", ((1, 2))),
            ('{"up_mbps": 0.5}', (0.5, 2)),
            ('{"up_mbps": null}', (float("inf"), 2)),
        ):
            found = self.merged(default, own)
            assert found is not None
            self.assertEqual((found.up_mbps, found.down_mbps), wanted)
        found = self.merged("null", '{"up_mbps": 3}')
        assert found is not None
        self.assertEqual((found.up_mbps, found.down_mbps), (3, None))

    def test_each_taken_away(self) -> None:
        """Every key can be taken away, and one that is absent leaves what everybody has."""
        default = {
            "up_mbps": "1",
            "down_mbps": "2",
            "burst": '"1s"',
            "max_connections": "3",
            "max_sources": "4",
            "connections_per_second": "5",
            "expires": '"2027-03-01"',
        }
        keys = ", ".join(f'"{key}": {value}' for key, value in default.items())
        for key in default:
            found = self.merged(f"{{{keys}}}", f'{{"{key}": null}}')
            self.assertIn(getattr(found, key), (None, float("inf"), ""), key)
            for other in default.keys() - {key}:
                self.assertNotIn(getattr(found, other), (None, float("inf"), ""), other)

    def test_nothing(self) -> None:
        """A rate that was taken away is none."""
        table = LimitTable(Clock())
        table.configure(
            Limits(
                default=UserLimitOptions(up_mbps=1.0),
                user={"alice": UserLimitOptions(up_mbps=float("inf"))},
            )
        )
        connection = _Connection("alice")
        table.limit(connection, since_start=False)
        self.assertEqual(connection.client.rates, [])

    def refused(self, users: str, inbound: str = "null") -> str:
        """Why a document is refused."""
        text = (
            f'{{"users": {users}, "inbounds": [{{"type": "unix", "tag": "in", "path": "in",'
            f'"users": {inbound}}}], {_OUT}}}'
        )
        return str(self.assertRaises(ConfigError, parse_document, text, FOLDER, "file"))

    def test_twofold(self) -> None:
        """Two sets of limits for one user are an error."""
        said = self.refused(
            '[{"name": "a", "uid": 1, "limits": {"up_mbps": 1}},'
            '{"name": "a", "uid": 2, "limits": {"up_mbps": 2}}]'
        )
        self.assertIn("users[1].limits", said)
        self.assertIn('"a" has other limits in an entry before', said)
        said = self.refused(
            '[{"name": "a", "uid": 1}]',
            '[{"name": "a", "uid": 1, "limits": {"up_mbps": 1}}, '
            '{"name": "a", "gid": 1, "limits": {"up_mbps": 2}}]',
        )
        self.assertIn("inbounds[0].users[1].limits", said)

    def test_twofold_elsewhere(self) -> None:
        """So are two of different inbounds; the same twice, or in one place alone, are not."""

        def document(first: str, second: str) -> str:
            inbounds = ", ".join(
                f'{{"type": "unix", "tag": "{tag}", "path": "{tag}", '
                f'"users": [{{"name": "a", "uid": 1{limits}}}]}}'
                for tag, limits in (("one", first), ("other", second))
            )
            return f'{{"inbounds": [{inbounds}], {_OUT}}}'

        one, other = (f', "limits": {{"up_mbps": {figure}}}' for figure in (1, 2))
        error = self.assertRaises(ConfigError, parse_document, document(one, other), FOLDER, "file")
        self.assertIn("inbounds[1].users[0].limits", str(error))
        for first, second in ((one, one), (one, ""), ("", one)):
            found = limits_of(parse_document(document(first, second), FOLDER, "file"))
            self.assertEqual(found.user["a"].up_mbps, 1)

    def test_bad(self) -> None:
        """0 is an error, as everything is that is no number of megabits."""
        for bad in ("0", "0.01", "-1", "true", '"1"', "1e9", "NaN"):
            said = self.refused(f'[{{"name": "a", "uid": 1, "limits": {{"up_mbps": {bad}}}}}]')
            self.assertIn("is not a number of megabits a second; write one from 0.064", said)

    def test_bad_quota(self) -> None:
        """A day on which a month begins is an error where the period is no month."""
        for per in ("", ', "per": "day"'):
            quota = f'{{"quota": [{{"bytes": 1, "starts": 15{per}}}]}}'
            said = self.refused(f'[{{"name": "a", "uid": 1, "limits": {quota}}}]')
            self.assertIn('15 is a day of a month; write "per": "month" beside it', said)
