"""Which connections somebody wants to see."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.page.sampling import Reading
from pipetwist.page.view import SORTS, View, parse_view
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, FakeSide
from tests.support.examples import examples
from tests.support.page_document import outcome


def _readings(connections: list[tuple[str, str | None, int]]) -> list[Reading]:
    """Connections: inbound, user and bytes of each."""
    connection_table = ConnectionTable(Clock(), log=Logger(observer=LogPublisher()))
    readings = []
    for inbound, user, size in connections:
        side = FakeSide()
        reading = Reading(
            connection_table.open(
                Route(
                    ClientInfo(inbound, "192.0.2.1:47", "192.0.2.1", user),
                    FakeOutbound("Out"),
                    None,
                ),
                side,
            )
        )
        reading.update(size, 0, 1.0)
        readings.append(reading)
    return readings


class ParsingTest(SynchronousTestCase):
    """The arguments of a URL."""

    def test_none(self) -> None:
        """Without arguments it is the busiest 200."""
        self.assertEqual(parse_view({}), View("rate", True, (), 200))

    def test_all(self) -> None:
        """Each argument is read; the words of a filter are those between blanks, in any case of
        letters.
        """
        given_ = {
            b"sort": [b"user"],
            b"order": [b"asc"],
            b"filter": [b" Bob  STRASSE "],
            b"limit": [b"7"],
        }
        self.assertEqual(parse_view(given_), View("user", False, ("bob", "strasse"), 7))

    def test_mistakes(self) -> None:
        """What is wrong is said, with what would be right."""
        for arguments, said in (
            ({b"sort": [b"size"]}, "connections can't be sorted by 'size', but by id, inbound"),
            ({b"order": [b"up"]}, "order is asc or desc, not 'up'"),
            ({b"limit": [b"0"]}, "limit is a number from 1 to 1000, not '0'"),
            ({b"limit": [b"1001"]}, "limit is a number from 1 to 1000"),
            ({b"limit": ["٣".encode()]}, "limit is a number from 1 to 1000"),
            ({b"limit": [b"9" * 5000]}, "limit is a number from 1 to 1000"),
            ({b"filter": [b"x" * 201]}, "filter has more than 200 characters"),
            ({b"sort": [b"user", b"peer"]}, "sort is given 2 times; give it once"),
            (
                {b"rows": [b"1"]},
                "there is no argument 'rows'; there are sort, order, filter, limit",
            ),
            ({b"\xff": [b"\xff"]}, "there is no argument"),
        ):
            error = self.assertRaises(ValueError, parse_view, arguments)
            self.assertIn(said, str(error))
            self.assertLess(len(str(error)), 200)


class RowsTest(SynchronousTestCase):
    """The choice."""

    def test_words(self) -> None:
        """A connection that matches has every word somewhere in its tags, user or peer."""
        readings = _readings(
            [("pipe-in", "Alice", 1), ("tcp-in", "alice", 2), ("pipe-in", None, 3)]
        )

        def found(*words: str) -> list[int]:
            matching, rows = outcome(View("id", False, words).rows(readings))
            self.assertEqual(matching, len(rows))
            return [row.connection.number for row in rows]

        self.assertEqual(found("alice"), [1, 2])
        self.assertEqual(found("pipe", "alice"), [1])
        self.assertEqual(found("out", "192.0.2"), [1, 2, 3])
        self.assertEqual(found("pipe-inout"), [])

    @settings(max_examples=examples(100), derandomize=True, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", None]), st.integers(0, 3)
            ),
            max_size=12,
        ),
        st.sampled_from(sorted(SORTS)),
        st.booleans(),
        st.integers(1, 15),
    )
    def test_order(
        self,
        connections: list[tuple[str, str | None, int]],
        sort: str,
        descending: bool,
        limit: int,
    ) -> None:
        """The rows are the first of all that match, sorted, and equal ones stay in the order in
        which they came.
        """
        readings = _readings(connections)
        expected: list[Any] = sorted(readings, key=SORTS[sort], reverse=descending)
        self.assertEqual(
            outcome(View(sort, descending, (), limit).rows(readings)),
            (len(readings), expected[:limit]),
        )
