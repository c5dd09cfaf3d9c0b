"""What has moved between two readings."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.interfaces import ICounter
from pipetwist.page import movement
from pipetwist.page.movement import Movement
from pipetwist.page.rings import ALL, Name
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.names import traffic_name
from pipetwist.storage.store import FileCounterStore
from pipetwist.testing import FakeOutbound, FakeSide
from tests.support.examples import examples

_NOTHING = {ALL: [0.0, 0.0]}


@implementer(ICounter)
class _OtherCounter:
    """A counter of another program, without a cell."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0

    def add(self, count: int) -> None:
        """Add it."""
        self.count += count

    def total(self) -> int:
        """All of it."""
        return self.count

    value = reset = total


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        """Make a connection table and a store, both empty, and read them."""
        self.connection_table = ConnectionTable(Clock(), log=Logger(observer=LogPublisher()))
        self.store = MemoryCounterStore()
        self.movement = Movement(self.connection_table, self.store)

    def connect(self) -> tuple[Connection, FakeSide]:
        """A connection begins."""
        side = FakeSide()
        route = Route(ClientInfo("in", "192.0.2.1:4711", "192.0.2.1"), FakeOutbound("out"), None)
        return self.connection_table.open(route, side), side

    def count(self, name: str, uplink: int, downlink: int) -> None:
        """A user has carried so many bytes more."""
        self.store.counter(traffic_name("user", name, "uplink")).add(uplink)
        self.store.counter(traffic_name("user", name, "downlink")).add(downlink)

    def moved(self) -> dict[Name, list[float]]:
        """Read, and say what has moved."""
        for _ in self.movement.read():
            pass
        return self.told()

    def told(self) -> dict[Name, list[float]]:
        """What has moved, uplink and downlink."""
        uplink, downlink = self.movement.moved
        names = {**uplink, **downlink}
        return {name: [uplink.get(name, 0), downlink.get(name, 0)] for name in names}


class CountersTest(_Case):
    """What names have moved."""

    def test_moved(self) -> None:
        """Names are there that moved since the last reading, a new one with all of its bytes."""
        self.count("alice", 5, 7)
        self.assertEqual(self.moved(), {**_NOTHING, ("user", "alice"): [5, 7]})
        self.assertEqual(self.moved(), _NOTHING)
        self.count("alice", 0, 3)
        self.count("bob", 1, 0)
        expected = {**_NOTHING, ("user", "alice"): [0, 3], ("user", "bob"): [1, 0]}
        self.assertEqual(self.moved(), expected)

    def test_reset(self) -> None:
        """A counter that was reset has not moved back."""
        self.count("alice", 50, 70)
        self.moved()
        self.store.counter(traffic_name("user", "alice", "uplink")).reset()
        self.assertEqual(self.moved(), _NOTHING)
        self.count("alice", 2, 0)
        self.store.counter(traffic_name("user", "alice", "downlink")).reset()
        self.assertEqual(self.moved(), {**_NOTHING, ("user", "alice"): [2, 0]})

    def test_other_counters(self) -> None:
        """Counters without a cell are read, too, and what counts no traffic is not."""
        other = _OtherCounter(traffic_name("inbound", "in", "uplink"))
        counters = [other, _OtherCounter("user>>>alice>>>online")]
        self.patch(self.store, "counters", lambda: counters)
        self.moved()
        for counter in counters:
            counter.add(4)
        self.assertEqual(self.moved(), {**_NOTHING, ("inbound", "in"): [4, 0]})
        other.count = 1  # which none of ours does
        self.assertEqual(self.moved(), {**_NOTHING, ("inbound", "in"): [0, 0]})

    def test_file(self) -> None:
        """So are counters in a file, whose cells hold more than a number of bytes, and another one
        once the first is full.
        """
        store = FileCounterStore(self.mktemp(), lambda name, error: None)
        store.open()
        self.addCleanup(store.close)
        self.store = store  # type: ignore[assignment]  # it has counters, too
        self.movement = Movement(self.connection_table, store)
        large = 1 << 55
        self.count("alice", large, 7)
        self.moved()
        for _ in range(3):
            self.count("alice", large, 1)
            self.assertEqual(self.moved(), {**_NOTHING, ("user", "alice"): [float(large), 1]})
        counter = store.counter(traffic_name("user", "alice", "uplink"))
        store.detach()
        counter.add(large)
        self.assertEqual(self.moved(), {**_NOTHING, ("user", "alice"): [float(large), 0]})

    def test_steps(self) -> None:
        """However many counters there are, a step reads a part of them, and a new name disturbs
        none that is known.
        """
        self.patch(movement, "_PIECE", 10)
        for number in range(25):
            self.count(f"user-{number:02}", 1, number)
        self.assertEqual(len(self.moved()), 26)
        self.count("a", 3, 3)
        self.count("user-24", 1, 1)
        steps = sum(1 for _ in self.movement.read())
        self.assertGreaterEqual(steps, 52 // 10)
        moved = {("user", "a"): [3, 3], ("user", "user-24"): [1, 1]}
        self.assertEqual(self.told(), {**_NOTHING, **moved})


_STEPS = st.lists(
    st.one_of(
        st.just(("open", 0)),
        st.tuples(st.just("close"), st.integers(0, 5)),
        st.tuples(st.just("carry"), st.integers(0, 5)),
        st.just(("piece", 0)),
    ),
    max_size=40,
)


class TotalTest(_Case):
    """What all connections have moved."""

    @settings(max_examples=examples(100), derandomize=True, deadline=None)
    @given(_STEPS)
    def test_anything(self, steps: list[tuple[str, int]]) -> None:
        """Whatever happens between the steps of readings, no byte is missed, and none is there
        twice.
        """
        self.setUp()
        self.patch(movement, "_PIECE", 1)
        open_: list[tuple[Connection, FakeSide]] = []
        carried, moved = 0, 0.0
        reading = self.movement.read()
        for what, which in steps:
            if what == "open":
                open_.append(self.connect())
            elif what == "piece":
                if next(reading, self) is self:
                    moved += self.movement.moved.uplink[ALL]
                    reading = self.movement.read()
                self.assertLessEqual(moved, carried)
            elif which < len(open_):
                if what == "close":
                    self.connection_table.close(open_.pop(which)[0])
                else:
                    open_[which][1].received += 3
                    carried += 3
        for _ in reading:
            pass
        moved += self.movement.moved.uplink[ALL]
        self.assertEqual(moved + self.moved()[ALL][0], carried)
