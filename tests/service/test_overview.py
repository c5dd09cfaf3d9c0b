"""What is known of a tree as a whole."""

from __future__ import annotations

import time
from dataclasses import replace

from twisted.internet.defer import Deferred

from pipetwist.connection.cause import Cause
from pipetwist.control.options import ControlOptions
from pipetwist.control.status import FailedConnections, HeldBack, Listener
from pipetwist.errors import StartError
from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from tests.service.case import TreeTestCase


class OverviewTest(TreeTestCase):
    """A tree with a control service, which is not started."""

    def control(self) -> ControlOptions:
        """One on a unix socket."""
        return ControlOptions(listen=f"unix:{self.folder / 'control'}")

    def test_listeners(self) -> None:
        """Everything that listens is named with its address, and what does not yet."""
        late = EndpointInboundOptions(tag="any", endpoint="tcp:0")
        tree = self.make(self.inbound(), late, control=self.control())
        self.patch(tree.control, "startService", lambda: None)
        self.patch(tree.inbounds["any"], "listen", Deferred)
        tree.startService()
        self.assertEqual(
            tree.overview.status().listeners,
            (
                Listener("inbound in", f"unix:{self.folder / 'in'}", is_listening=True),
                Listener("inbound any", "0.0.0.0:0", is_listening=False),
                Listener("control", "", is_listening=False),
            ),
        )

    def test_connections(self) -> None:
        """Connections are counted, and those that failed by their causes."""
        tree = self.make(control=self.control())
        self.patch(tree.control, "startService", lambda: None)
        tree.startService()
        self.assertEqual(tree.overview.status().failures, ())
        table = tree.relay.connection_table
        self.patch(tree.overview.statistics, "_now", lambda: 1000.0)
        for client in (self.connect(), self.connect()):
            client.settimeout(60)
        status = tree.overview.status()
        self.assertEqual((status.open, status.connections), (2, 2))
        table.connections()[0].stop("closed by somebody", Cause.CLOSED)
        table.rejected("in", Cause.REFUSED)
        self.turn()
        self.reactor.advance(5)
        status = tree.overview.status()
        self.assertEqual((status.open, status.connections, status.uptime), (1, 2, 5.0))
        self.assertEqual(
            status.failures,
            (
                FailedConnections("in", "tool", "closed", 1, 1000.0, "closed by somebody"),
                FailedConnections("in", "", "refused", 1, 1000.0, ""),
            ),
        )

    def test_costs_nothing(self) -> None:
        """Where nobody can ask, connections are not counted."""
        tree = self.make()
        tree.startService()
        self.connect()
        self.assertEqual(tree.overview.statistics.pairs(), {})

    def test_limits(self) -> None:
        """Rates that held back are told, the longest first, and of many only twenty."""
        tree = self.make()
        held = {("user", f"u{number}", "up"): float(number) for number in range(30)}
        self.patch(tree.relay.connection_table.limits, "held_seconds", lambda: held)
        found = tree.overview.status().held
        self.assertEqual(len(found), 20)
        self.assertEqual(found[0], HeldBack("user", "u29", "up", 29.0))
        self.assertEqual(tree.overview.status().refused, ())

    def test_hits(self) -> None:
        """Limits that were reached are told with whose they are, how often that was, and when."""
        tree = self.make()
        notices = tree.relay.connection_table.limits.notices
        self.addCleanup(notices.stop)
        for whose, limit in (("user me", "max_sources"), ("inbound in", "max_connections")) * 2:
            self.reactor.advance(1)
            notices.hit(whose, limit, "new clients wait")
        self.reactor.advance(5)
        first, second = tree.overview.status().hits
        self.assertEqual(first[:3], ("inbound in", "max_connections", 2))
        self.assertEqual(second[:3], ("user me", "max_sources", 2))
        self.assertTrue(5 <= time.time() - first.last < 65, first)
        self.assertLess(abs(first.last - second.last - 1), 0.5)

    def test_reload(self) -> None:
        """What came of the last reload is known, and when."""
        tree = self.make()
        tree.startService()
        self.assertIsNone(tree.overview.status().reload)
        document = tree.document
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        failing = tree.reload(replace(document, inbounds=(*document.inbounds, bad)))
        self.turn()
        error = self.failureResultOf(failing, StartError).value
        reload = tree.overview.status().reload
        assert reload is not None
        self.assertEqual(reload.problem, str(error))
        self.assertIn("inbound bad", reload.problem)
        self.assertGreaterEqual(reload.time, tree.overview.status().started)
        going = tree.reload(document)
        self.turn()
        self.successResultOf(going)
        reload = tree.overview.status().reload
        assert reload is not None
        self.assertEqual(reload.problem, "")
