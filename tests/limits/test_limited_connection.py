"""A connection under limits, between sides in memory."""

from __future__ import annotations

from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.limits.limits import Limits
from pipetwist.testing import FakeOutbound, FakeSide
from tests.relay.connection_case import ConnectionTestCase


class LimitedConnectionTest(ConnectionTestCase):
    """One whose inbound has a rate."""

    def setUp(self) -> None:
        """Limit it."""
        super().setUp()
        self.connection_table.limit(Limits(inbound={"in": LimitOptions(up_mbps=1)}))

    def test_lost_at_once(self) -> None:
        """Nothing is kept of one whose server has gone by the time that it is connected."""
        server = FakeSide()
        server.lose("gone")
        outbound = FakeOutbound(delays=True)
        self.connection.open(outbound)
        outbound.connecting[0].callback(server)
        self.assertOver("server: gone")
        self.assertEqual(self.connection_table.limits._flows, {})
