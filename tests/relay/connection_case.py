"""A connection between sides in memory."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.interfaces import ISide
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, FakeSide

__all__ = ["TIMEOUTS", "ConnectionTestCase"]

TIMEOUTS = Timeouts(idle=60, half_close=7)


class ConnectionTestCase(SynchronousTestCase):
    """A connection of a client in memory."""

    def setUp(self) -> None:
        """Make the connection; nothing is connected yet."""
        self.clock = Clock()
        self.client = FakeSide()
        self.reasons: list[str] = []
        self.connection_table = ConnectionTable(
            self.clock,
            log=Logger(observer=LogPublisher()),
            over=lambda connection: self.reasons.append(connection.reason),
        )
        self.connection = self.begin_with(self.client)

    def begin_with(self, client: ISide, timeouts: Timeouts = TIMEOUTS) -> Connection:
        """A connection of this client."""
        return self.connection_table.open(
            Route(ClientInfo("in", "peer", "source", None, timeouts), FakeOutbound(), None), client
        )

    def open(self, *, lingers: bool = False) -> FakeSide:
        """Connect an outbound; its side."""
        server = FakeSide(lingers=lingers)
        outbound = FakeOutbound(delays=True)
        self.connection.open(outbound)
        outbound.connecting[0].callback(server)
        return server

    def assertOver(self, reason: str) -> None:
        """It is over for this reason, and nothing of it is left on the clock."""
        self.assertEqual(self.reasons, [reason])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.client.over)
