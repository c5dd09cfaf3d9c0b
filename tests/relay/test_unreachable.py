"""Servers that can't be reached: a warning at once, and then one a minute with how many connections
it was that failed.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.logger import LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.interfaces import IDatagramSide
from pipetwist.logs.levels import LeveledLogger
from pipetwist.relay.relay import Relay
from pipetwist.relay.routing_table import Current, RoutingTable
from pipetwist.routing.router import Router
from pipetwist.testing import FakeOutbound, FakeSide


class UnreachableTest(SynchronousTestCase):
    """A relay that logs warnings alone."""

    def setUp(self) -> None:
        """Make it, with an outbound whose server is not there."""
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        self.log = LeveledLogger("pipetwist", "warn")
        self.log.observer = LogPublisher(self.events.append)  # type: ignore[arg-type]  # a list's append observes well
        self.outbounds = {tag: FakeOutbound(tag) for tag in ("dead", "other")}
        for outbound in self.outbounds.values():
            self.patch(outbound, "connect", lambda: fail(Refused()))
        self.current = Current(RoutingTable(Router([], "dead"), self.outbounds))
        self.relay = Relay(self.clock, self.current, log=self.log)

    def come(self, times: int = 1, outbound: str = "dead", *, datagrams: bool = False) -> FakeSide:
        """So many clients come to an outbound; the last of them."""
        self.current.swap(RoutingTable(Router([], outbound), self.outbounds))
        for _ in range(times):
            client = FakeSide()
            if datagrams:
                alsoProvides(client, IDatagramSide)
            self.relay.handle(
                self.relay.route(ClientInfo("in", "peer", "source", None, Timeouts())), client
            )
        return client

    def said(self) -> list[str]:
        """What was logged since the last time that this was asked."""
        lines = [f"{event['log_level'].name}: {formatEvent(event)}" for event in self.events]
        self.events.clear()
        return lines

    def test_first(self) -> None:
        """The first connection that fails is reported at once, each outbound for itself."""
        self.come()
        self.assertEqual(
            self.said(),
            ["warn: outbound dead: cannot connect: Connection was refused by other side"],
        )
        self.come(outbound="other")
        self.assertEqual(
            self.said(),
            ["warn: outbound other: cannot connect: Connection was refused by other side"],
        )

    def test_more(self) -> None:
        """Those of the next minute are reported together at its end, with how many they were; and
        so on while there are more.
        """
        self.come(100)
        self.clock.advance(59)
        self.come(7)
        self.assertEqual(len(self.said()), 1)
        self.clock.advance(1)
        line = (
            "warn: outbound dead: cannot connect: Connection was refused by other side; {} more "
            "connections since the last warning"
        )
        self.assertEqual(self.said(), [line.format(106)])
        self.assertEqual(self.events, [])
        self.come(3)
        self.clock.advance(60)
        self.assertEqual(self.said(), [line.format(3)])

    def test_fields(self) -> None:
        """The outbound, the reason and the number are fields for whoever reads JSON lines."""
        self.come(3)
        self.clock.advance(60)
        fields = [(event["outbound"], event["reason"], event["count"]) for event in self.events]
        reason = "cannot connect: Connection was refused by other side"
        self.assertEqual(fields, [("dead", reason, 1), ("dead", reason, 2)])

    def test_over(self) -> None:
        """Once a minute has gone by without a failure nothing is left on the clock, and the next
        one is told at once again.
        """
        self.come()
        self.clock.advance(60)
        self.assertEqual((len(self.said()), self.clock.getDelayedCalls()), (1, []))
        self.come()
        self.assertEqual(len(self.said()), 1)

    def test_one_timer(self) -> None:
        """However many connections fail, each outbound has one timer."""
        self.come(50)
        self.come(50, "other")
        self.assertEqual(len(self.clock.getDelayedCalls()), 2)

    def test_stop(self) -> None:
        """A stop tells at once what is still to be told, and leaves nothing on the clock."""
        self.come(3)
        self.said()
        self.successResultOf(self.relay.drain(5))
        self.assertEqual(
            [line.rpartition("; ")[2] for line in self.said()],
            ["2 more connections since the last warning"],
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late_stop(self) -> None:
        """So it does where connections were still open, of which the last could not be
        connected.
        """
        self.patch(self.outbounds["dead"], "connect", FakeOutbound("dead", delays=True).connect)
        self.outbounds["dead"].connect_timeout = 3
        self.come(2)
        drained = self.relay.drain(5)
        self.clock.advance(3)
        self.successResultOf(drained)
        self.assertEqual(len(self.said()), 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_others(self) -> None:
        """Connections that end otherwise, as by the client's loss or the server's, warn of
        nothing.
        """
        server = FakeSide()
        self.patch(self.outbounds["dead"], "connect", lambda: server)
        self.come().lose("the connection was reset")
        server = FakeSide()
        self.come()
        server.lose("the connection was reset")
        self.assertEqual((self.said(), self.clock.getDelayedCalls()), ([], []))

    def test_datagrams(self) -> None:
        """A server of datagrams is not connected: it can't be reached where the system says so
        before it has answered.
        """
        server = FakeSide()
        self.patch(self.outbounds["dead"], "connect", lambda: server)
        self.come(datagrams=True)
        server.lose("Connection refused")
        self.assertEqual(self.said(), ["warn: outbound dead: server: Connection refused"])
        server = FakeSide()
        self.come(datagrams=True)
        server.deliver(b"answer")
        server.lose("Connection refused")
        self.clock.advance(60)
        self.assertEqual(self.said(), [])
