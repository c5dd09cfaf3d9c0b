"""The connection table: what is known of connections while they are open."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.interfaces import IConnectionObserver, IConnectionRecord
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.stats.online import OnlineUsers
from pipetwist.testing import FakeOutbound, FakeSide


@implementer(IConnectionObserver)
class _Observer:
    """Writes down what it is told.

    Args:
        told: takes it.
    """

    def __init__(self, told: list[tuple[object, ...]]) -> None:
        self._told = told

    def opened(self, connection: IConnectionRecord) -> None:
        self._told.append(("opened", connection))

    def closed(self, connection: IConnectionRecord, seconds: float) -> None:
        figures = connection.uplink, connection.downlink, connection.dropped
        self._told.append(("closed", connection, seconds, connection.cause, *figures))

    def rejected(self, inbound: str, cause: Cause) -> None:
        self._told.append(("away", inbound, cause))


class ConnectionTableTest(SynchronousTestCase):
    """A connection table that shows alice as online."""

    def setUp(self) -> None:
        """Make the connection table."""
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        self.online = OnlineUsers(self.clock.seconds)
        self.connection_table = ConnectionTable(
            self.clock,
            tracks="alice".__eq__,
            online=self.online,
            log=Logger("pipetwist", observer=self.events.append),  # type: ignore[arg-type]  # a list's append observes well
        )

    def test_open(self) -> None:
        """Those that are open are there in the order in which they came, with their bytes as they
        stand, and go when they are closed.
        """
        clients = [FakeSide(), FakeSide()]
        first, second = (
            self.connection_table.open(
                Route(ClientInfo("in", user, user, user), FakeOutbound("out"), None), client
            )
            for user, client in zip(("alice", "bob"), clients, strict=True)
        )
        clients[0].received, clients[0].delivered = 5, 7
        self.assertEqual(self.connection_table.connections(), [first, second])
        self.assertEqual(
            (first.number, first.outbound, first.uplink, first.downlink), (1, "out", 5, 7)
        )
        first.reason = "client closed"
        self.connection_table.close(first)
        self.assertEqual(
            (
                self.connection_table.connections(),
                len(self.connection_table),
                self.connection_table.total,
            ),
            ([second], 1, 2),
        )
        self.assertEqual((self.events[0]["uplink"], self.events[0]["reason"]), (5, "client closed"))

    def test_observers(self) -> None:
        """Observers are called for each connection that opens and closes, and for rejected
        clients.
        """
        told: list[tuple[object, ...]] = []
        observer = _Observer(told)
        verifyObject(IConnectionObserver, observer)
        self.connection_table.observe(observer)
        self.connection_table.observe(observer)
        client = FakeSide()
        connection = self.connection_table.open(
            Route(ClientInfo("in", "peer", "peer"), FakeOutbound("out"), None), client
        )
        self.clock.advance(2.5)
        verifyObject(IConnectionRecord, connection)
        connection.cause, client.dropped = Cause.CLIENT, 3
        client.received, client.delivered = 5, 7
        self.connection_table.close(connection)
        self.connection_table.rejected("in", Cause.REFUSED)
        self.assertEqual(
            told[::2],
            [
                ("opened", connection),
                ("closed", connection, 2.5, Cause.CLIENT, 5, 7, 3),
                ("away", "in", Cause.REFUSED),
            ],
        )
        self.assertEqual(told[::2], told[1::2])

    def test_bytes_of_the_closed(self) -> None:
        """What connections that are over have carried is summed up, whether anybody counts them or
        not.
        """
        for received, delivered in ((5, 7), (10, 20)):
            client = FakeSide()
            connection = self.connection_table.open(
                Route(ClientInfo("in", "peer", "peer"), FakeOutbound("out"), None), client
            )
            client.received, client.delivered = received, delivered
            self.connection_table.close(connection)
        self.assertEqual(
            (self.connection_table.closed_uplink, self.connection_table.closed_downlink), (15, 27)
        )

    def test_online(self) -> None:
        """Users who are counted are online as long as their connections are open; others are
        never.
        """
        connections = [
            self.connection_table.open(
                Route(ClientInfo("in", user, user, user), FakeOutbound(), None), FakeSide()
            )
            for user in ("alice", "bob")
        ]
        self.assertEqual(list(self.online.online()), ["alice"])
        for connection in connections:
            self.connection_table.close(connection)
        self.assertEqual((self.online.online(), self.online.sources("bob")), ({}, None))
