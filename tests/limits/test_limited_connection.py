"""A connection under limits, between sides in memory."""

from __future__ import annotations

from typing import Any

from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.limits.limits import Limits
from pipetwist.limits.rate import MIN_BURST_BYTES
from pipetwist.testing import FakeOutbound, FakeSide
from tests.relay.connection_case import ConnectionTestCase


class LimitedConnectionTest(ConnectionTestCase):
    """One whose inbound has a rate."""

    def setUp(self) -> None:
        """Limit it."""
        super().setUp()
        self.connection_table.limit(Limits(inbound={"in": LimitOptions(up_mbps=1)}))

    def test_reload_while_connecting(self) -> None:
        """One that is being connected at a reload is limited when it is connected, and what it has
        read by then counts once.
        """
        outbound = FakeOutbound(delays=True)
        self.connection.open(outbound)
        self.client.received = 1000
        for megabits in (2, 3):
            self.connection_table.limit(Limits(inbound={"in": LimitOptions(up_mbps=megabits)}))
        self.assertIs(self.client.receiver, self.connection)
        outbound.connecting[0].callback(FakeSide())
        (flow,) = self.connection_table.limits._flows[self.connection]
        rate: Any = flow._rates[0]
        self.assertEqual(rate.fill(0.0), MIN_BURST_BYTES - 1000)

    def test_lost_at_once(self) -> None:
        """Nothing is kept of one whose server has gone by the time that it is connected."""
        server = FakeSide()
        server.lose("gone")
        outbound = FakeOutbound(delays=True)
        self.connection.open(outbound)
        outbound.connecting[0].callback(server)
        self.assertOver("server: gone")
        self.assertEqual(self.connection_table.limits._flows, {})
