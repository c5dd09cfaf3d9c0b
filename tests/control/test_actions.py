"""Listing and closing, in slices."""

from __future__ import annotations

import gc
import time

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.control.actions import Actions
from pipetwist.control.answers import Closed
from pipetwist.control.ids import ConnectionId
from pipetwist.control.selection import Selection, parse_selection
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.record import ConnectionRecord
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, FakeSide

_MANY = 10_000
_SECONDS = 0.01  # that the reactor may be held


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        """Make a table, and what acts on it."""
        self.clock = Clock()
        self.lines: list[str] = []
        self.closed: list[ConnectionRecord] = []

        @provider(ILogObserver)
        def hear(event: LogEvent) -> None:
            self.lines.append(formatEvent(event))

        self.table = ConnectionTable(
            self.clock, log=Logger(observer=LogPublisher()), over=self.closed.append
        )
        self.actions = Actions(self.table, 7, Logger(observer=LogPublisher(hear)))

    def connect(self, user: str | None = None) -> Connection:
        """Open a connection."""
        outbound = FakeOutbound("out")
        route = Route(ClientInfo("in", "peer", "source", user), outbound, None)
        connection = self.table.open(route, FakeSide())
        connection.open(outbound)
        return connection

    def close(self, selection: Selection) -> Closed:
        """Close, and wait for it."""
        closing: Deferred[Closed] = self.actions.close(selection, "somebody")
        while self.clock.getDelayedCalls():
            self.clock.advance(0)
        return self.successResultOf(closing)


class CloseTest(_Case):
    """Closing."""

    def test_close(self) -> None:
        """Those that are selected are closed, for the reason that their own lines have; the others
        stay. A line says who closed what.
        """
        alices = [self.connect("alice") for _ in range(3)]
        bob = self.connect("bob")
        closed = self.close(parse_selection(users=["alice"]))
        self.assertEqual(closed, Closed(3, ()))
        self.assertEqual(self.closed, alices)
        self.assertEqual({one.reason for one in alices}, {"closed by somebody"})
        self.assertEqual({one.cause for one in alices}, {Cause.CLOSED})
        self.assertEqual(self.table.connections(), [bob])
        self.assertEqual(self.lines, ['control: somebody closed 3 connections: user "alice"'])

    def test_ids(self) -> None:
        """Ids that no open connection has are told: of another run, of one that has closed, and of
        one that has not come yet.
        """
        one, other = self.connect(), self.connect()
        other.stop("gone")
        ids = ["1@7", "2@7", "3@7", "1@6"]
        unknown = (ConnectionId(1, 6), ConnectionId(2, 7), ConnectionId(3, 7))
        self.assertEqual(self.close(parse_selection(ids=ids)), Closed(1, unknown))
        self.assertEqual(one.reason, "closed by somebody")
        self.assertEqual(other.reason, "gone")

    def test_earlier_run(self) -> None:
        """With the ids of an earlier run nothing is closed."""
        one = self.connect()
        self.assertEqual(self.close(parse_selection(ids=["1@6"])).connections, 0)
        self.assertEqual((self.table.connections(), one.reason), ([one], ""))

    def test_connecting(self) -> None:
        """One whose outbound is not connected yet is closed as well."""
        outbound = FakeOutbound("out", delays=True)
        connection = self.table.open(
            Route(ClientInfo("in", "peer", "source", None), outbound, None), FakeSide()
        )
        connection.open(outbound)
        self.assertEqual(self.close(parse_selection(inbounds=["in"])).connections, 1)
        self.assertEqual((outbound.cancelled, connection.reason), (1, "closed by somebody"))

    def test_meanwhile(self) -> None:
        """One that closes by itself before its turn is not counted, and keeps its reason."""
        connections = [self.connect() for _ in range(100)]
        closing = self.actions.close(parse_selection(inbounds=["in"]), "somebody")
        connections[-1].stop("by itself")
        while self.clock.getDelayedCalls():
            self.clock.advance(0)
        self.assertEqual(self.successResultOf(closing).connections, 99)
        self.assertEqual(connections[-1].reason, "by itself")


class SlicesTest(_Case):
    """Ten thousand connections."""

    def setUp(self) -> None:
        """Open them. What Python's garbage collector takes for so many objects comes at any time,
        and is not these slices'.
        """
        super().setUp()
        for _ in range(_MANY):
            self.connect("alice")
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def longest_turn(self) -> float:
        """The longest turn of the reactor until nothing is to be done, in the processor's time."""
        longest = 0.0
        while self.clock.calls:
            # A Clock would make calls that are due by other calls in the same turn.
            call = self.clock.calls.pop(0)
            call.called = True
            began = time.thread_time()
            call.func(*call.args, **call.kw)
            longest = max(longest, time.thread_time() - began)
        return longest

    def test_list(self) -> None:
        """No slice of a list holds the reactor for ten milliseconds, and all of them are in it."""
        began = time.thread_time()
        slices = self.actions.slices()
        longest = time.thread_time() - began
        rows = []
        for connections in slices:
            began = time.thread_time()
            rows += self.actions.rows(connections, Selection())
            longest = max(longest, time.thread_time() - began)
        self.assertEqual([row.id.number for row in rows], list(range(1, _MANY + 1)))
        self.assertLess(longest, _SECONDS)

    def test_close(self) -> None:
        """So does closing all of them, in as many turns as it takes."""
        closing = self.actions.close(parse_selection(users=["alice"]), "somebody")
        longest = self.longest_turn()
        self.assertEqual(self.successResultOf(closing).connections, _MANY)
        self.assertEqual(len(self.table), 0)
        self.assertLess(longest, _SECONDS)
