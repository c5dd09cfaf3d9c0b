"""The counters of a file count as those in memory do."""

from __future__ import annotations

import itertools
import sys
import threading

from zope.interface.verify import verifyObject

from pipetwist.interfaces import ICounter, ICounterStore
from pipetwist.stats.counters import MemoryCounter
from pipetwist.stats.tracking import Tracker
from pipetwist.storage.layout import parse
from pipetwist.storage.offline import read_counters
from pipetwist.storage.words import MAX_NUMBER
from tests.storage.store_case import StoreTestCase
from tests.support.counter_files import close, kill


class CountingTest(StoreTestCase):
    """As in memory."""

    def test_interface(self) -> None:
        """The store and its counters are what the interfaces say."""
        store = self.open()
        verifyObject(ICounterStore, store)
        verifyObject(ICounter, store.counter("name"))
        self.assertEqual(store.counter("name").name, "name")

    def test_made_once(self) -> None:
        """A counter is made at 0 when it is first asked for, and the same ever after; counters are
        listed by name.
        """
        store = self.open()
        self.assertIsNone(store.get("name"))
        counter = store.counter("name")
        self.assertEqual((counter.total(), counter.value(), counter.reset()), (0, 0, 0))
        self.assertIs(store.counter("name"), counter)
        self.assertIs(store.get("name"), counter)
        store.counter("a")
        self.assertEqual([counter.name for counter in store.counters()], ["a", "name"])

    def test_reset(self) -> None:
        """A reset gives the value that it ends; the total goes on; both are there after a start."""
        store = self.open()
        counter = store.counter("name")
        counter.add(5)
        self.assertEqual(counter.reset(), 5)
        counter.add(2)
        self.assertEqual((counter.value(), counter.total()), (2, 7))
        close(store)
        again = self.open().counter("name")
        self.assertEqual((again.value(), again.total(), again.reset(), again.value()), (2, 7, 2, 0))

    def test_tracker(self) -> None:
        """What a tracker counts is counted, on one counter and on many, of this kind and of
        others.
        """
        store = self.open()
        for count in range(6):
            counters = [store.counter(f"{count} {number}") for number in range(count)]
            tracker = Tracker(counters, [*counters, MemoryCounter("other")])
            tracker.uplink(3)
            tracker.downlink(4)
            self.assertEqual([counter.total() for counter in counters], [7] * count)

    def test_resets_in_threads(self) -> None:
        """No byte is lost or doubled where threads reset: what all the resets gave, and what is
        left, is what was added.
        """
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)
        counter = self.open().counter("name")
        over = threading.Event()
        sums = [0] * 4

        def reset(number: int) -> None:
            while not over.is_set():
                sums[number] += counter.reset()

        threads = [threading.Thread(target=reset, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for amount in range(3000):
            counter.cell[0] += amount * counter.unit
        over.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(sum(sums) + counter.value(), sum(range(3000)))

    def test_most(self) -> None:
        """A counter whose record is full goes on in another one, as one counter, and can be reset
        as a whole; over starts and kills too.
        """
        store = self.open()
        counter = store.counter("name")
        counter.add(MAX_NUMBER - 10)
        self.assertEqual(counter.reset(), MAX_NUMBER - 10)
        for _ in range(3):
            counter.add(7)
        self.assertEqual((counter.total(), counter.value()), (MAX_NUMBER + 11, 21))
        kill(store)
        store = self.open()
        counter = store.counter("name")
        counter.add(MAX_NUMBER - 5)
        self.assertEqual((counter.total(), counter.value()), (2 * MAX_NUMBER + 6, MAX_NUMBER + 16))
        self.assertEqual((counter.reset(), counter.value()), (MAX_NUMBER + 16, 0))
        close(store)
        self.assertEqual(len(parse(self.path.read_bytes()).slots), 3)
        self.assertEqual(
            [figures.total for figures in read_counters(self.path)], [2 * MAX_NUMBER + 6]
        )

    def test_most_of_a_tracker(self) -> None:
        """A tracker whose counters fill up counts on, each byte once on each of them, whichever it
        is that is full.
        """
        for full in itertools.product((False, True), repeat=3):
            store = self.open()
            counters = [store.counter(f"{full} {number}") for number in range(3)]
            tracker = Tracker(counters, counters)
            before = [MAX_NUMBER - 10 if one else 0 for one in full]
            for counter, amount in zip(counters, before, strict=True):
                counter.add(amount)
            for _ in range(4):
                tracker.uplink(4)
                tracker.downlink(3)
            expected = [amount + 28 for amount in before]
            self.assertEqual([counter.total() for counter in counters], expected)
            close(store)
            # What comes after the stop is lost to the file, and breaks nothing.
            tracker.uplink(1)
            self.assertEqual(
                [counter.total() for counter in counters], [amount + 1 for amount in expected]
            )
            found = {one.name: one.total for one in read_counters(self.path)}
            self.assertEqual([found[counter.name] for counter in counters], expected)
