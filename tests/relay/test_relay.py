"""The relay: from a client to its line in the log."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.errors import RefusedError
from pipetwist.interfaces import IRelay, IRoute, Medium
from pipetwist.metrics.statistics import ConnectionStatistics
from pipetwist.process.identity import ProcessIdentity
from pipetwist.relay.relay import Relay
from pipetwist.relay.routing_table import Current, RoutingTable
from pipetwist.routing.router import Router
from pipetwist.routing.rules import RuleOptions
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from pipetwist.stats.tracking import Tracked
from pipetwist.testing import FakeOutbound, FakeSide


class _RelayTestCase(SynchronousTestCase):
    """A relay with two outbounds, which counts the inbound "in" and the user "alice"."""

    def setUp(self) -> None:
        """Make the relay."""
        self.clock = Clock()
        self.clock.advance(1000)
        self.outbounds = {"a": FakeOutbound("a"), "b": FakeOutbound("b")}
        self.store = MemoryCounterStore()
        self.online = OnlineUsers(self.clock.seconds)
        self.events: list[dict[str, Any]] = []
        self.relay = Relay(
            self.clock,
            Current(
                RoutingTable(
                    Router([RuleOptions(auth_user=("bob",), outbound="b")], "a"),
                    self.outbounds,
                    Tracked(self.store, inbounds=["in"], users=["alice"]),
                )
            ),
            online=self.online,
            log=Logger("pipetwist", observer=LogPublisher(self.events.append)),  # type: ignore[arg-type]  # a list's append observes well
        )

    def handle(
        self,
        user: str | None = None,
        source: str = "pid:1",
        *,
        inbound: str = "in",
        client: FakeSide | None = None,
    ) -> FakeSide:
        """Carry one client; its side."""
        client = client or FakeSide()
        self.relay.handle(
            self.relay.route(
                ClientInfo(inbound, f"{source} uid:0 gid:0", source, user, Timeouts())
            ),
            client,
        )
        return client


class AdmittingTest(_RelayTestCase):
    """Route and tracker."""

    def test_interfaces(self) -> None:
        """The relay and what it admits are what the interfaces say."""
        verifyObject(IRelay, self.relay)
        verifyObject(IRoute, self.relay.route(ClientInfo("in", "peer", "source")))

    def test_route(self) -> None:
        """Clients go where the route says."""
        for user, outbound in ((None, "a"), ("alice", "a"), ("bob", "b")):
            route = self.relay.route(ClientInfo("in", "peer", "source", user))
            self.assertIs(route.outbound, self.outbounds[outbound])

    def test_tracker(self) -> None:
        """What is listed gets a tracker, and its counters appear; what is not gets none."""
        self.assertIsNone(self.relay.route(ClientInfo("other", "peer", "source", "bob")).tracker)
        self.assertEqual(self.store.counters(), [])
        tracker = self.relay.route(ClientInfo("in", "peer", "source", "alice")).tracker
        assert tracker is not None
        tracker.uplink(3)
        self.assertEqual(
            {counter.name: counter.value() for counter in self.store.counters()}[
                "user>>>alice>>>traffic>>>uplink"
            ],
            3,
        )

    def test_same_client(self) -> None:
        """Clients that are not distinguished, which are one client, share a route, as long as the
        routing table is the same.
        """
        anybody = ClientInfo("in", "-", "-")
        route = self.relay.route(anybody)
        self.assertIs(self.relay.route(anybody), route)
        self.assertEqual(self.relay.route(ClientInfo("in", "-", "-", "bob")).outbound.tag, "b")
        self.assertEqual(self.relay.route(anybody), route)
        current = Current(RoutingTable(Router([], "a"), self.outbounds))
        relay = Relay(self.clock, current)
        self.assertEqual(relay.route(anybody).outbound.tag, "a")
        current.swap(RoutingTable(Router([], "b"), self.outbounds))
        self.assertEqual(relay.route(anybody).outbound.tag, "b")

    def test_datagrams(self) -> None:
        """Datagrams go to what the outbound has for them, and are counted by the same tag."""
        both: Any = FakeOutbound("a")
        both.for_datagrams = datagrams = FakeOutbound("a")
        router = Router([], "a", datagrams=["udp"], both=["both"])
        tracked = Tracked(self.store, outbounds=["a"])
        table = RoutingTable(router, {**self.outbounds, "a": both}, tracked)
        relay = Relay(self.clock, Current(table))
        for inbound, medium, outbound in (
            ("tcp", None, both),
            ("udp", None, datagrams),
            ("both", None, both),
            ("both", Medium.STREAM, both),
            ("both", Medium.DATAGRAMS, datagrams),
        ):
            route = relay.route(ClientInfo(inbound, "peer", "source", medium=medium))
            self.assertIs(route.outbound, outbound, (inbound, medium))
            assert route.tracker is not None
            route.tracker.uplink(1)
        (uplink, _) = sorted(self.store.counters(), key=lambda one: -one.total())
        self.assertEqual((uplink.name, uplink.total()), ("outbound>>>a>>>traffic>>>uplink", 5))

    def test_rejected(self) -> None:
        """A client that a rule rejects gets no route, and the text says who it is and which rule
        that was; nothing is counted of it.
        """
        relay = Relay(
            self.clock,
            Current(
                RoutingTable(
                    Router(
                        [
                            RuleOptions(auth_user=("bob",), outbound="b"),
                            RuleOptions(source_ip_cidr=("10.0.0.0/8",), action="reject"),
                        ],
                        "a",
                    ),
                    self.outbounds,
                    Tracked(self.store, inbounds=["in"]),
                )
            ),
        )
        with self.assertRaisesRegex(
            RefusedError, r"^refused 10\.0\.0\.1:47, which route\.rules\[1\] rejects$"
        ):
            relay.route(ClientInfo("in", "10.0.0.1:47", "10.0.0.1"))
        self.assertEqual(self.store.counters(), [])
        for user, source, outbound in (("bob", "10.0.0.1", "b"), (None, "11.0.0.1", "a")):
            route = relay.route(ClientInfo("in", "peer", source, user))
            self.assertEqual(route.outbound.tag, outbound)

    def test_nothing_tracked(self) -> None:
        """A relay that counts nothing gives no tracker."""
        relay = Relay(self.clock, Current(RoutingTable(Router([], "a"), self.outbounds)))
        self.assertIsNone(relay.route(ClientInfo("in", "peer", "source", "alice")).tracker)

    def test_carried(self) -> None:
        """What is admitted is carried to its outbound, and open until both sides are over."""
        client = self.handle("bob")
        client.deliver(b"hello")
        self.assertEqual(
            (self.outbounds["b"].sides[0].written, self.relay.open_connections), (b"hello", 1)
        )
        client.lose()
        self.assertEqual(self.relay.open_connections, 0)


class LogTest(_RelayTestCase):
    """The line of a finished connection."""

    def test_line(self) -> None:
        """It has the number, inbound, outbound, user, peer, seconds, bytes up and down, and the
        reason, as text and as fields.
        """
        client = self.handle("bob", "pid:9")
        client.deliver(b"12345")
        self.outbounds["b"].sides[0].deliver(b"123")
        self.clock.advance(1.5)
        client.lose("the connection was reset")
        (event,) = self.events
        self.assertEqual(
            formatEvent(event),
            "1 in -> b user=bob peer=pid:9 uid:0 gid:0 1.500s up=5 down=3: client: the "
            "connection was reset",
        )
        fields = (
            "id",
            "inbound",
            "outbound",
            "user",
            "peer",
            "seconds",
            "uplink",
            "downlink",
            "reason",
        )
        self.assertEqual(
            [event[field] for field in fields],
            [
                1,
                "in",
                "b",
                "bob",
                "pid:9 uid:0 gid:0",
                1.5,
                5,
                3,
                "client: the connection was reset",
            ],
        )
        self.assertEqual((event["log_level"].name, event["log_namespace"]), ("info", "pipetwist"))

    def test_command(self) -> None:
        """If the server is a command the line names its process, as that's own lines do, which have
        the connection's number.
        """
        command = ProcessIdentity(4711)
        self.patch(FakeSide, "process", command)
        self.handle("bob", "pid:9").lose("the connection was reset")
        self.assertEqual(command.connection, 1)
        (event,) = self.events
        self.assertIn("1 in -> b[4711] user=bob ", formatEvent(event))
        self.assertEqual((event["outbound"], event["pid"]), ("b", 4711))
        self.assertEqual(repr(command), "<ProcessIdentity pid 4711 of connection 1>")

    def test_delivered(self) -> None:
        """Downlink is what the client's system has taken, not what waits for it."""
        client = self.handle()
        client.stall()
        self.outbounds["a"].sides[0].deliver(b"answer")
        client.abort()
        self.assertEqual(self.events[0]["downlink"], 0)

    def test_nobody(self) -> None:
        """A connection of no user has a dash there."""
        self.handle().lose()
        self.assertIn("user=- ", formatEvent(self.events[0]))

    def test_numbers(self) -> None:
        """Connections are numbered as they come, and logged as they end, one line each."""
        first, second = self.handle(), self.handle()
        second.lose()
        first.lose()
        third = self.handle()
        third.lose()
        self.assertEqual([event["id"] for event in self.events], [2, 1, 3])

    def test_not_connected(self) -> None:
        """A connection whose outbound can't be connected has its line too."""
        self.outbounds["a"].connect_timeout = 0.5
        self.patch(self.outbounds["a"], "_delays", True)
        self.handle()
        self.clock.advance(0.5)
        self.assertEqual(self.events[0]["reason"], "cannot connect: no answer for 0.5 s")


class OnlineTest(_RelayTestCase):
    """Users who are online."""

    def test_online(self) -> None:
        """A tracked user is online from each source as long as a connection from there is open."""
        first, second, other = (
            self.handle("alice", "pid:1"),
            self.handle("alice", "pid:1"),
            self.handle("alice", "pid:2"),
        )
        self.assertEqual(self.online.online(), {"alice": {"pid:1": 1000, "pid:2": 1000}})
        first.lose()
        other.lose()
        self.assertEqual(self.online.online(), {"alice": {"pid:1": 1000}})
        second.lose()
        self.assertEqual((self.online.online(), self.online.sources("alice")), ({}, {}))

    def test_others(self) -> None:
        """Nobody, and a user who is not tracked, are never online."""
        for user in (None, "bob"):
            self.handle(user).lose()
            self.assertEqual(self.online.online(), {})
        self.assertIsNone(self.online.sources("bob"))

    def test_lost_at_once(self) -> None:
        """A client that is lost before anything was connected was online just once."""
        client = FakeSide()
        client.lose()
        self.handle("alice", client=client)
        self.assertEqual(
            (self.online.online(), self.relay.open_connections, len(self.events)), ({}, 0, 1)
        )

    def test_nobody_counts(self) -> None:
        """A relay without tracking, or without anybody to tell, carries users as well."""
        for relay in (
            Relay(
                self.clock,
                Current(RoutingTable(Router([], "a"), self.outbounds)),
                online=self.online,
            ),
            Relay(
                self.clock,
                Current(
                    RoutingTable(
                        Router([], "a"), self.outbounds, Tracked(self.store, users=["alice"])
                    )
                ),
            ),
        ):
            client = FakeSide()
            relay.handle(relay.route(ClientInfo("in", "peer", "source", "alice")), client)
            client.lose()
            self.assertEqual((relay.open_connections, self.online.sources("alice")), (0, None))


class ObservingTest(_RelayTestCase):
    """What observers of the connection table get."""

    def test_causes(self) -> None:
        """Of each connection what came in its way, and of who did not get in why."""
        statistics = ConnectionStatistics()
        self.relay.connection_table.observe(statistics)
        for cause in ("", "reset"):
            self.handle().lose(cause)
        self.handle()
        self.relay.rejected("in", Cause.REFUSED)
        way = statistics.pairs()["in", "a"]
        self.assertEqual((way.opened, sum(way.durations), way.failures[Cause.CLIENT]), (3, 2, 1))
        self.assertEqual(
            (sum(way.failures.values()), statistics.rejections()), (1, {("in", Cause.REFUSED): 1})
        )

    def test_dropped(self) -> None:
        """The datagrams that a connection has dropped are reported when it is over."""
        statistics = ConnectionStatistics()
        self.relay.connection_table.observe(statistics)
        client = FakeSide()
        client.dropped = 3
        self.handle(client=client)
        self.assertEqual(statistics.pairs()["in", "a"].dropped, 0)
        client.lose()
        self.assertEqual(statistics.pairs()["in", "a"].dropped, 3)


class DrainingTest(_RelayTestCase):
    """The end of a relay."""

    def test_nothing_open(self) -> None:
        """If nothing is open it is over at once, and nothing is left on the clock."""
        self.successResultOf(self.relay.drain(5))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_finishing(self) -> None:
        """What is open may finish; it is over with the last."""
        first, second = self.handle(), self.handle()
        drained = self.relay.drain(5)
        first.lose()
        self.clock.advance(4.9)
        self.assertNoResult(drained)
        second.deliver(b"still carried")
        second.lose()
        self.successResultOf(drained)
        self.assertEqual(self.outbounds["a"].sides[1].written, b"still carried")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_ended(self) -> None:
        """What has not finished in time is ended, and the log says why."""
        clients = [self.handle(), self.handle()]
        drained = self.relay.drain(5)
        self.clock.advance(5)
        self.successResultOf(drained)
        self.assertEqual([client.asked[-1] for client in clients], ["abort", "abort"])
        self.assertEqual([event["reason"] for event in self.events], ["pipetwist is stopping"] * 2)

    def test_slow_to_end(self) -> None:
        """It waits for sides that take their time to end."""
        self.patch(self.outbounds["a"], "_delays", True)
        client = self.handle()
        server = FakeSide(lingers=True)
        self.outbounds["a"].connecting[0].callback(server)
        drained = self.relay.drain(5)
        self.clock.advance(5)
        self.assertTrue(client.over)
        self.assertNoResult(drained)
        server.lose()
        self.successResultOf(drained)

    def test_comes_while_draining(self) -> None:
        """A client who was admitted before, and comes while the others finish, may finish as
        well.
        """
        first = self.handle()
        drained = self.relay.drain(5)
        late = self.handle()
        first.lose()
        self.assertNoResult(drained)
        late.lose()
        self.successResultOf(drained)

    def test_comes_too_late(self) -> None:
        """A client that is admitted when the time is over is closed immediately, and does not delay
        the end.
        """
        self.patch(self.outbounds["a"], "_delays", True)
        self.handle()
        server = FakeSide(lingers=True)
        self.outbounds["a"].connecting[0].callback(server)
        drained = self.relay.drain(5)
        self.clock.advance(5)
        late = self.handle()
        self.assertTrue(late.over)
        self.assertEqual(self.events[-1]["reason"], "pipetwist is stopping")
        server.lose()
        self.successResultOf(drained)

    def test_used_again(self) -> None:
        """A relay that was drained carries again, and can be drained again."""
        self.handle()
        self.relay.drain(5)
        self.clock.advance(5)
        client = self.handle()
        client.deliver(b"again")
        self.assertEqual(self.outbounds["a"].sides[-1].written, b"again")
        drained = self.relay.drain(5)
        client.lose()
        self.successResultOf(drained)
