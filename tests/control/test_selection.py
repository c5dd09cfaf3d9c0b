"""Which connections are meant."""

from __future__ import annotations

import math

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.control.selection import MAX_NAMES, Selection, parse_selection
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, FakeSide

_ODD = "x\n12 in -> out: closed\x1b[2J\u202e>"


class SelectionTest(SynchronousTestCase):
    """One of alice's connections, ten seconds old, the first of a run that began at 7."""

    def setUp(self) -> None:
        """Open it."""
        table = ConnectionTable(Clock(), log=Logger(observer=LogPublisher()))
        route = Route(ClientInfo("in", "peer", "source", "alice"), FakeOutbound("out"), None)
        self.connection: Connection = table.open(route, FakeSide())

    def has(self, **said: object) -> bool:
        """Whether what is said is true of it."""
        return parse_selection(**said).has(self.connection, 7, 10.0)  # type: ignore[arg-type]  # each of its type

    def test_each(self) -> None:
        """Each condition holds or does not; of a list one entry suffices."""
        for said, holds in (
            ({}, True),
            ({"ids": ["1@7"]}, True),
            ({"ids": ["2@7", "1@7"]}, True),
            ({"ids": ["2@7"]}, False),
            ({"users": ["bob", "alice"]}, True),
            ({"users": ["bob"]}, False),
            ({"users": ["Alice"]}, False),
            ({"users": [""]}, False),
            ({"inbounds": ["in"]}, True),
            ({"inbounds": ["out"]}, False),
            ({"outbounds": ["out"]}, True),
            ({"outbounds": ["in"]}, False),
            ({"older_than": 10.0}, True),
            ({"older_than": 10.1}, False),
        ):
            self.assertEqual(self.has(**said), holds, said)

    def test_all(self) -> None:
        """All must hold that are said."""
        self.assertTrue(self.has(ids=["1@7"], users=["alice"], inbounds=["in"], older_than=1.0))
        self.assertFalse(self.has(ids=["1@7"], users=["bob"]))
        self.assertFalse(self.has(users=["alice"], older_than=60.0))

    def test_earlier_run(self) -> None:
        """The same number of another run is another connection."""
        for start in (0, 6, 8, 70):
            self.assertFalse(self.has(ids=[f"1@{start}"]))

    def test_wrong(self) -> None:
        """What is no number of seconds, or no id, is refused."""
        for seconds in (-1.0, math.nan, math.inf, -math.inf):
            self.assertRaises(ValueError, parse_selection, older_than=seconds)
        self.assertRaises(ValueError, parse_selection, ids=["1"])

    def test_too_many(self) -> None:
        """What would take long to look at is refused."""
        self.assertEqual(len(parse_selection(users=map(str, range(MAX_NAMES))).users), MAX_NAMES)
        self.assertRaises(ValueError, parse_selection, users=map(str, range(MAX_NAMES + 1)))
        self.assertRaises(ValueError, parse_selection, ids=["1@1"] * (MAX_NAMES + 1))
        error = self.assertRaises(ValueError, parse_selection, inbounds=["x" * 100_000])
        self.assertLess(len(str(error)), 200)

    def test_said(self) -> None:
        """It is said on one line of bounded length, whatever the names are."""
        said = str(
            parse_selection(users=[_ODD, "y" * 999], inbounds=map(str, range(99)), older_than=60.0)
        )
        self.assertTrue(said.isprintable(), said)
        self.assertLess(len(said), 500)
        self.assertIn("or 94 more", said)
        self.assertTrue(said.endswith("older than 60 s"))
        self.assertEqual(str(Selection()), "every connection")
