"""Counters in memory."""

from __future__ import annotations

import sys
import threading
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.interfaces import ICounter, ICounterStore
from pipetwist.stats.counters import MemoryCounter, MemoryCounterStore, SortedCounters
from tests.support.examples import examples

_WAIT = 60.0


class CounterTest(SynchronousTestCase):
    """One counter in one thread."""

    def test_interface(self) -> None:
        """It is what the interface says."""
        verifyObject(ICounter, MemoryCounter("name"))
        self.assertEqual(MemoryCounter("name").name, "name")

    def test_new(self) -> None:
        """A new counter is at 0."""
        counter = MemoryCounter("name")
        self.assertEqual((counter.value(), counter.total(), counter.reset()), (0, 0, 0))

    def test_add(self) -> None:
        """What is added adds up, far over 64 bits too."""
        counter = MemoryCounter("name")
        counter.add(1)
        counter.add(0)
        counter.add(2**70)
        self.assertEqual((counter.value(), counter.total()), (2**70 + 1, 2**70 + 1))

    def test_reset(self) -> None:
        """A reset gives the value that it ends; the total goes on."""
        counter = MemoryCounter("name")
        counter.add(5)
        self.assertEqual(counter.reset(), 5)
        self.assertEqual((counter.value(), counter.total()), (0, 5))
        counter.add(2)
        self.assertEqual((counter.value(), counter.total()), (2, 7))

    @given(st.lists(st.none() | st.integers(min_value=0, max_value=2**40)))
    def test_any_order(self, steps: list[int | None]) -> None:
        """Whatever is added and reset in whatever order, what the resets gave and the value are the
        total.
        """
        counter = MemoryCounter("name")
        given_out = 0
        for step in steps:
            if step is None:
                given_out += counter.reset()
            else:
                counter.add(step)
        self.assertEqual(given_out + counter.value(), counter.total())
        self.assertEqual(counter.total(), sum(step or 0 for step in steps))


class ThreadsTest(SynchronousTestCase):
    """Resets in several threads while another adds."""

    def setUp(self) -> None:
        """Have threads take turns as often as the interpreter can."""
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)

    @settings(max_examples=examples(15), deadline=None, database=None)
    @given(
        chunks=st.lists(st.integers(min_value=1, max_value=2**40), min_size=50, max_size=2000),
        threads=st.integers(min_value=1, max_value=6),
    )
    def test_resets(self, chunks: list[int], threads: int) -> None:
        """No byte is lost or doubled: what all the resets gave, and what is left, is what was
        added.
        """
        counter = MemoryCounter("name")
        over = threading.Event()
        begin = threading.Barrier(threads + 1)
        sums = [0] * threads

        def reset(number: int) -> None:
            begin.wait(_WAIT)
            while not over.is_set():
                sums[number] += counter.reset()

        resetting = [threading.Thread(target=reset, args=(number,)) for number in range(threads)]
        for thread in resetting:
            thread.start()
        try:
            begin.wait(_WAIT)
            for chunk in chunks:
                counter.add(chunk)
        finally:
            over.set()
            for thread in resetting:
                thread.join(_WAIT)
        self.assertEqual(sum(sums) + counter.value(), sum(chunks))
        self.assertEqual(counter.total(), sum(chunks))

    def test_add_between(self) -> None:
        """A byte that is added in the middle of a reset or of a look belongs to some value, and to
        one only.
        """

        class Busy(list[int]):
            """A cell to which a byte is added whenever somebody has looked at it."""

            def __getitem__(self, index: Any) -> Any:
                now = super().__getitem__(index)
                self[index] = now + 1
                return now

        counter = MemoryCounter("name")
        counter.cell = Busy([0])
        given_out = [counter.reset() for _ in range(4)]
        self.assertEqual(sum(given_out) + counter.value(), counter.total() - 1)

    def test_reset_between(self) -> None:
        """A byte that is added while a reset goes on belongs to the next value."""
        counter = MemoryCounter("name")
        counter.add(3)

        class AddsWhenReleased:
            """A lock in whose hold the other thread adds once more."""

            def __enter__(self) -> None:
                counter.add(4)

            def __exit__(self, *_: object) -> None:
                counter.add(5)

        self.patch(counter, "_resetting", AddsWhenReleased())
        self.assertEqual(counter.reset(), 7)
        self.assertEqual(counter.total(), 12)

    def test_listed_while_counters_appear(self) -> None:
        """Counters can be listed in one thread while they appear in another."""
        store = MemoryCounterStore()
        failures: list[BaseException] = []
        over = threading.Event()

        def look() -> None:
            try:
                while not over.is_set():
                    names = [counter.name for counter in store.counters()]
                    assert names == sorted(names)
            except BaseException as failure:  # noqa: BLE001 - whatever a thread fails with is the test's
                failures.append(failure)

        looking = threading.Thread(target=look)
        looking.start()
        for number in range(3000):
            store.counter(str(number))
        over.set()
        looking.join(_WAIT)
        self.assertEqual(failures, [])
        self.assertEqual(len(store.counters()), 3000)


class StoreTest(SynchronousTestCase):
    """Where counters live."""

    def test_interface(self) -> None:
        """It is what the interface says."""
        verifyObject(ICounterStore, MemoryCounterStore())

    def test_made_once(self) -> None:
        """A counter is made when it is first asked for, and the same ever after."""
        store = MemoryCounterStore()
        self.assertIsNone(store.get("name"))
        counter = store.counter("name")
        self.assertEqual((counter.name, counter.value()), ("name", 0))
        self.assertIs(store.counter("name"), counter)
        self.assertIs(store.get("name"), counter)

    def test_by_name(self) -> None:
        """Counters are listed by name, and the list is a copy."""
        store = MemoryCounterStore()
        for name in ("b", "c", "a"):
            store.counter(name)
        listed = store.counters()
        self.assertEqual([counter.name for counter in listed], ["a", "b", "c"])
        store.counter("d")
        self.assertEqual(len(listed), 3)

    def test_sorted_once(self) -> None:
        """They are sorted again only where one has come since, and nobody gets a list that is
        another's.
        """
        store = MemoryCounterStore()
        for name in ("b", "a"):
            store.counter(name)
        self.assertEqual([counter.name for counter in store.counters()], ["a", "b"])
        store.counters().clear()
        store.counter("aa")
        store.counter("b")
        self.assertEqual([counter.name for counter in store.counters()], ["a", "aa", "b"])
        self.patch(
            store,
            "_sorted",
            SortedCounters(_Unsortable({counter.name: counter for counter in store.counters()})),
        )
        self.assertEqual([len(store.counters()) for _ in range(3)], [3, 3, 3])


class _Unsortable(dict[str, ICounter]):
    """Counters that can be looked through once."""

    looked = False

    def copy(self) -> dict[str, ICounter]:
        """Hand them out, the first time."""
        assert not self.looked
        self.looked = True
        return dict(self)
