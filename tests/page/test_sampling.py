"""The figures of one moment."""

from __future__ import annotations

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page import largest, sampling
from pipetwist.page.sampling import Reading, Sampler
from pipetwist.relay.connection import Connection
from pipetwist.stats.names import traffic_entity, traffic_name
from tests.page.table_case import LIFE, TableCase
from tests.support.examples import examples


class _Case(TableCase):
    def setUp(self) -> None:
        """Make a connection table and a store, both empty, and what reads them."""
        super().setUp()
        self.sampler = Sampler(self.connection_table, self.store)

    def sample(self, after: float = 1.0) -> None:
        """Take one to its end, so many seconds after the one before."""
        self.clock.advance(after)
        for _ in self.sampler.sample():
            pass

    def figures(self, connection: Connection) -> tuple[int, int, float | None, float | None]:
        """What is known of a connection."""
        return _figures(self.sampler.connections[connection])


def _figures(flow: sampling.Flow) -> tuple[int, int, float | None, float | None]:
    return flow.uplink, flow.downlink, flow.uplink_rate, flow.downlink_rate


class ConnectionsTest(_Case):
    """The figures of connections."""

    def test_rates(self) -> None:
        """The first sample has no rates; later ones have those of the seconds since, however many
        there were.
        """
        connection, side = self.connect()
        side.received, side.delivered = 100, 1000
        self.sample()
        self.assertEqual(self.figures(connection), (100, 1000, None, None))
        side.received, side.delivered = 300, 1000
        self.sample(after=2.0)
        self.assertEqual(self.figures(connection), (300, 1000, 100.0, 0.0))
        self.assertEqual(self.sampler.interval, 2.0)

    def test_new_connection(self) -> None:
        """A connection that was opened since the previous sample has moved all of its bytes
        since.
        """
        self.sample()
        connection, side = self.connect()
        side.received = 50
        self.sample(after=0.5)
        self.assertEqual(self.figures(connection), (50, 0, 100.0, 0.0))

    def test_closed_connection(self) -> None:
        """A closed connection is gone, and its bytes stay in the totals, and in the rate of the
        seconds when they moved.
        """
        connection, side = self.connect()
        self.sample()
        side.delivered = 70
        self.connection_table.close(connection)
        self.sample()
        self.assertEqual(
            (self.sampler.connections, _figures(self.sampler.flow)), ({}, (0, 70, 0.0, 70.0))
        )
        self.assertEqual(self.sampler.opened, 1)

    def test_closing_meanwhile(self) -> None:
        """The bytes of a connection that closes while the figures are read are in the sum once."""
        connections = [self.connect() for _ in range(sampling._PIECE + 1)]
        for _, side in connections:
            side.received = 10
        reading = self.sampler.sample()
        next(reading)  # the first piece has been read, the last connection has not
        for connection in (connections[0][0], connections[-1][0]):
            self.connection_table.close(connection)
        for _ in reading:
            pass
        self.assertEqual(self.sampler.flow.uplink, 10 * len(connections))
        self.sample()
        self.assertEqual(
            (self.sampler.flow.uplink, self.sampler.flow.uplink_rate), (10 * len(connections), 0.0)
        )

    def test_pieces(self) -> None:
        """However many connections there are, no step reads more than a piece of them."""
        for _ in range(3 * sampling._PIECE):
            self.connect()
        seen = [len(self.sampler.connections) for _ in self.sampler.sample()]
        self.assertLessEqual(
            max(later - before for before, later in zip([0, *seen], seen, strict=False)),
            sampling._PIECE,
        )
        self.assertEqual(seen[-1], 3 * sampling._PIECE)

    def test_no_new_objects(self) -> None:
        """A connection that goes on keeps its reading, so that Python's collector has nothing to
        do.
        """
        connection, _ = self.connect()
        self.sample()
        before = self.sampler.connections[connection]
        self.sample()
        self.assertIs(self.sampler.connections[connection], before)


class CountersTest(_Case):
    """The figures of inbounds, outbounds and users."""

    def test_totals(self) -> None:
        """They are the counters' totals, which no reset touches."""
        self.count("alice", 5, 7)
        self.sample()
        self.store.counter(traffic_name("user", "alice", "uplink")).reset()
        self.count("alice", 10, 0)
        self.sample()
        self.assertEqual(_figures(self.sampler.traffic["user"]["alice"]), (15, 7, 10.0, 0.0))
        self.assertEqual(self.sampler.traffic["inbound"], {})

    def test_other_counters(self) -> None:
        """What counts no traffic is left out."""
        self.store.counter("user>>>alice>>>online").add(1)
        self.store.counter("sys>>>x>>>traffic>>>uplink").add(1)
        self.sample()
        self.assertEqual(self.sampler.counted, {"inbound": 0, "outbound": 0, "user": 0})

    def test_too_many(self) -> None:
        """Of too many names there are those with the most bytes, and their total number."""
        self.patch(sampling, "MAX_NAMES", 2)
        for name, size in (("a", 1), ("b", 30), ("c", 20)):
            self.count(name, size, size)
        self.sample()
        self.assertEqual(
            (list(self.sampler.traffic["user"]), self.sampler.counted["user"]), (["b", "c"], 3)
        )

    def test_steps(self) -> None:
        """However many names there are, no step compares more than a piece of them."""
        self.patch(sampling, "MAX_NAMES", 2)
        self.patch(largest, "_PIECE", 10)
        for number in range(100):
            self.count(f"user-{number}", number, number)
        self.sample()
        self.assertGreaterEqual(sum(1 for _ in self.sampler.sample()), 100 // 10)
        self.assertEqual(list(self.sampler.traffic["user"]), ["user-98", "user-99"])

    def test_left_out_before(self) -> None:
        """A name that was left out before has no rate when it comes in: its bytes are not of this
        second.
        """
        self.patch(sampling, "MAX_NAMES", 2)
        for name, size in (("a", 10), ("b", 30), ("c", 20)):
            self.count(name, size, size)
        self.sample()
        self.count("a", 100, 100)
        self.sample()
        self.assertEqual(_figures(self.sampler.traffic["user"]["a"]), (110, 110, None, None))


class NamesTest(SynchronousTestCase):
    """The names of counters, read back."""

    def test_there_and_back(self) -> None:
        """What a name was made from comes out again, however odd the tag is."""
        for name in ("alice", "<img src=x onerror=alert(1)>".replace(">", ""), "a b", "__proto__"):
            self.assertEqual(
                traffic_entity(traffic_name("user", name, "uplink")), ("user", name, "uplink")
            )


class AnythingTest(_Case):
    """Whatever happens between the pieces."""

    @settings(max_examples=examples(100), derandomize=True, deadline=None)
    @given(LIFE)
    def test_sums(self, steps: list[tuple[str, int]]) -> None:
        """The sum never goes back, never has a byte too many, and has every byte once all is
        quiet.
        """
        self.setUp()
        self.patch(sampling, "_PIECE", 1)
        last = 0
        reading = self.sampler.sample()

        def piece() -> None:
            nonlocal last, reading
            if next(reading, self) is self:
                reading = self.sampler.sample()
            self.assertTrue(last <= self.sampler.flow.uplink <= self.carried)
            last = self.sampler.flow.uplink

        self.live(steps, piece)
        for _ in reading:
            pass
        self.sample()
        self.assertEqual(self.sampler.flow.uplink, self.carried)
        self.assertEqual(list(self.sampler.connections), self.connection_table.connections())
        self.assertTrue(all(isinstance(one, Reading) for one in self.sampler.connections.values()))
