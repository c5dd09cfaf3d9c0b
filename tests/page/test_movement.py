"""What has moved between two readings."""

from __future__ import annotations

from hypothesis import given, settings
from zope.interface import implementer

from pipetwist.interfaces import ICounter
from pipetwist.page import movement
from pipetwist.page.movement import Movement
from pipetwist.page.rings import ALL, Name
from pipetwist.stats.names import traffic_name
from pipetwist.storage.store import FileCounterStore
from tests.page.table_case import LIFE, TableCase
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


class _Case(TableCase):
    def setUp(self) -> None:
        """Make a connection table and a store, both empty, and read them."""
        super().setUp()
        self.movement = Movement(self.connection_table, self.store)

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
        self.store = store
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


class TotalTest(_Case):
    """What all connections have moved."""

    @settings(max_examples=examples(100), derandomize=True, deadline=None)
    @given(LIFE)
    def test_anything(self, steps: list[tuple[str, int]]) -> None:
        """Whatever happens between the steps of readings, no byte is missed, and none is there
        twice.
        """
        self.setUp()
        self.patch(movement, "_PIECE", 1)
        moved = 0.0
        reading = self.movement.read()

        def piece() -> None:
            nonlocal moved, reading
            if next(reading, self) is self:
                moved += self.movement.moved.uplink[ALL]
                reading = self.movement.read()
            self.assertLessEqual(moved, self.carried)

        self.live(steps, piece)
        for _ in reading:
            pass
        moved += self.movement.moved.uplink[ALL]
        self.assertEqual(moved + self.moved()[ALL][0], self.carried)
