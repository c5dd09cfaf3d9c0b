"""Rates of datagram connections: what the counters count, against a clock that the test moves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.association import AssociationSide
from pipetwist.datagram.source import Source
from pipetwist.datagram.waiting import Room
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.limits.flow import Flow
from pipetwist.limits.limits import Limits
from pipetwist.testing import RecordingReceiver
from tests.limits.bearers import Passed, World
from tests.support.datagram_case import DatagramCase
from tests.support.datagram_ends import End
from tests.support.memory_transport import ready

_STEP = 0.002
_DATAGRAM = bytes(1000)
_BYTES_PER_MEGABIT = 125_000


class _Case(DatagramCase):
    """A connection that may be limited."""

    def begin(self) -> tuple[End, End]:
        """A client and its server, with a datagram each way behind them."""
        client = self.client()
        client.send(b"first")
        server = self.accepted()
        self.came(server, b"first", others=(client,))
        server.send(b"answer")
        self.came(client, b"answer", others=(server,))
        return client, server

    def begin_slowly(self) -> tuple[End, End]:
        """The same, under a limit that lets a hundred more datagrams wait that were sent."""
        client, server = self.begin()
        self.limit(up_mbps=0.064)
        for number in range(100):
            client.send(bytes([number]) * 1000)
        self.until([client], lambda: client.sent, "the datagrams to be sent")
        return client, server

    def limit(self, **limits: Any) -> None:
        """Limit the inbound."""
        self.service.relay.limit(Limits(inbound={"in": LimitOptions(**limits)} if limits else {}))

    def run_for(self, seconds: float, sender: End, other: End, *, up: bool) -> Passed:
        """Send twice a step for so long; what was counted."""
        passed = Passed(self.loop.seconds())
        before = self.counted()[0 if up else 1]
        for _ in range(round(seconds / _STEP)):
            for _ in range(2):
                if sender.sent:
                    sender.send(_DATAGRAM)
            self.loop.settle()
            sender.pump()
            other.pump()
            if self.servers == "fork":
                readers: list[Any] = list(self.loop.readers)
                ready(readers, [], _STEP)
            self.loop.advance(_STEP)
            now = self.counted()[0 if up else 1]
            passed.note(self.loop.seconds(), now - before)
            before = now
        return passed


class UdpTest(_Case):
    """UDP to UDP."""

    def held(self, *, up: bool) -> None:
        """It has its rate once the burst is used, and no more."""
        client, server = self.begin()
        megabits = 2.0
        rate = {"up_mbps": megabits} if up else {"down_mbps": megabits}
        self.limit(**rate)
        ends = (client, server) if up else (server, client)
        self.run_for(1, *ends, up=up)
        passed = self.run_for(2.5, *ends, up=up)
        wanted = megabits * _BYTES_PER_MEGABIT
        for seconds, part in ((2.0, 0.02), (0.2, 0.1)):
            for count in passed.windows(seconds):
                self.assertLessEqual(abs(count - wanted * seconds), part * wanted * seconds + 4096)

    def test_up(self) -> None:
        """What comes from a client."""
        self.held(up=True)

    def test_down(self) -> None:
        """What goes to it."""
        self.held(up=False)

    def test_reload(self) -> None:
        """Without limits all that waits goes on, and nothing of it was lost."""
        client, server = self.begin_slowly()
        self.loop.settle()
        server.pump()
        self.assertLess(len(server.came), 100)
        self.limit()
        self.until([client, server], lambda: len(server.came) == 100, "all of them")
        self.assertEqual([datagram[0] for datagram in server.came], list(range(100)))

    def test_other_rate(self) -> None:
        """Under another limit what waits goes on waiting for its turn, and comes in the end."""
        client, server = self.begin_slowly()
        for megabits in (0.065, 0.066, 0.067):
            self.limit(up_mbps=megabits)
            self.loop.settle()
            server.pump()
            self.assertLess(len(server.came), 80)
        self.limit(up_mbps=100.0)
        self.until([client, server], lambda: len(server.came) == 100, "all of them")
        self.assertEqual([datagram[0] for datagram in server.came], list(range(100)))

    def test_many_sources(self) -> None:
        """What all sources have waiting together is bounded, and there is room again when that has
        gone on or its connections have ended.
        """
        if self.clients == "framed":  # each has a stream of its own, which waits
            return
        (listener,) = self.inbound._listeners
        room = listener.room
        room.left = 30_000
        self.limit(up_mbps=0.064)
        clients = [self.client(str(number)) for number in range(1, 9)]
        for client in clients:
            for _ in range(20):
                client.send(_DATAGRAM)
        self.until(clients, lambda: all(client.sent for client in clients), "them to be sent")
        self.loop.settle()
        connections = self.service.relay.connection_table.connections()
        self.assertLess(room.left, 1100)
        self.assertGreater(sum(connection.dropped for connection in connections), 0)
        for connection in connections[::2]:
            connection.stop("it is enough")
        self.assertGreater(room.left, 1100)
        self.limit()
        self.assertEqual(room.left, 30_000)
        self.loop.settle()

    def test_end_while_held(self) -> None:
        """One that ends while it is held leaves nothing behind, and counts what was dropped."""
        client, _ = self.begin()
        self.limit(up_mbps=0.064)
        for _ in range(100):
            client.send(_DATAGRAM)
        self.until([client], lambda: client.sent, "the datagrams to be sent")
        self.loop.settle()
        (connection,) = self.service.relay.connection_table.connections()
        connection.stop("it is enough")
        self.loop.until(lambda: not self.open, "the end")
        self.loop.advance(1)
        if self.clients == "udp":
            self.assertRegex(self.reason(), r"it is enough.*; \d+ datagrams dropped")


class UnixgramTest(UdpTest):
    """A unix socket of datagrams to another."""

    clients = servers = "unixgram"


class FramedTest(UdpTest):
    """A framed stream to UDP."""

    clients = "framed"


class FramedServerTest(UdpTest):
    """UDP to a framed stream."""

    servers = "framed"


class PlainTest(UdpTest):
    """UDP to UDP on what every system has."""

    plain = True


class _Closing(RecordingReceiver):
    """Ends the side whose first datagram it gets."""

    def data_received(self, side: Any, data: bytes) -> None:
        super().data_received(side, data)
        side.lose("gone")


class _Batch:
    """Three datagrams that have come."""

    lengths = (60_000,) * 3

    def data(self, _: int) -> bytes:
        """One of them."""
        return bytes(60_000)


class LostTest(SynchronousTestCase):
    """A source whose connection ends by its first datagram, as where the server has gone."""

    batch: Any = _Batch()

    def source(self) -> tuple[World, AssociationSide, Room]:
        """It, and the memory that it shares with others."""
        world, room = World(), Room(1 << 20)
        listener: Any = SimpleNamespace(room=room, left=lambda _: None)
        side = AssociationSide(world.clock, "key", Source("::1", 1, True, None, "name"), listener)
        side.attach(_Closing())
        side.resume_reading()
        self.rate = world.rate(1000.0)
        side.limit(Flow(world.pacer, [self.rate]), since_start=False)
        return world, side, room

    def test_lost(self) -> None:
        """What came with that one takes no memory from others, and is dropped."""
        world, side, room = self.source()
        side.arrived(self.batch, 0, 3)
        self.assertEqual((side.received, side.dropped, room.left), (60_000, 2, 1 << 20))
        self.assertEqual(world.clock.getDelayedCalls(), [])

    def test_lost_without_limits(self) -> None:
        """So it is where a reload lets the first of those that waited go on."""
        world, side, room = self.source()
        world.bearer(self.rate).want(1 << 20)
        side.arrived(self.batch, 0, 3)
        self.assertLess(room.left, 1 << 20)
        side.limit(None, since_start=False)
        self.assertEqual((side.received, side.dropped, room.left), (60_000, 2, 1 << 20))


class RefusedTest(_Case):
    """Sources beyond a bound."""

    def test_refused(self) -> None:
        """A source beyond the bound of an outbound is refused, which is said once, and its
        datagrams are counted as those of nobody.
        """
        self.service.relay.limit(Limits(outbound={"out": LimitOptions(max_connections=1)}))
        self.begin()
        other = self.client()
        for _ in range(20):
            other.send(_DATAGRAM)
        self.loop.until(lambda: self.inbound.dropped == 20, "the datagrams to be dropped")
        self.assertEqual(self.open, 1)
        said = [formatEvent(event) for event in self.events]
        refused = [line for line in said if "max_connections" in line]
        self.assertEqual(
            refused, ["outbound out has reached max_connections: new connections are refused"]
        )
        self.assertEqual(self.warnings(), [])
