"""The counters of a file."""

from __future__ import annotations

import contextlib
import errno
import gc
import itertools
import os
import random
import resource
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.errors import StoreError
from pipetwist.interfaces import ICounter, ICounterStore
from pipetwist.stats.counters import MemoryCounter
from pipetwist.stats.tracking import Tracker
from pipetwist.storage.layout import STEP, parse
from pipetwist.storage.offline import read_counters
from pipetwist.storage.store import FileCounterStore
from pipetwist.storage.words import MOST
from tests.storage.files import AMOUNTS, close, figures, kill, open_store, quick_folder

__all__ = ["CountingTest", "FileTest", "GrowthTest", "RoomTest", "StatesTest"]


class _StoreTestCase(SynchronousTestCase):
    """A path for a file."""

    def setUp(self) -> None:
        """Choose it."""
        self.path = quick_folder(self) / "counters.db"

    def open(self) -> FileCounterStore:
        """Open a store; the test's clean-up closes it."""
        store = open_store(self.path)
        self.addCleanup(close, store)
        return store


class CountingTest(_StoreTestCase):
    """As in memory."""

    def test_interface(self) -> None:
        """The store and its counters are what the interfaces say."""
        store = self.open()
        verifyObject(ICounterStore, store)
        verifyObject(ICounter, store.counter("name"))
        self.assertEqual(store.counter("name").name, "name")

    def test_made_once(self) -> None:
        """A counter is made at 0 when it is first asked for, and the same ever after; counters are listed by name."""
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
        """What a tracker counts is counted, on one counter and on many, of this kind and of others."""
        store = self.open()
        for count in range(6):
            counters = [store.counter(f"{count} {number}") for number in range(count)]
            tracker = Tracker(counters, [*counters, MemoryCounter("other")])
            tracker.uplink(3)
            tracker.downlink(4)
            self.assertEqual([counter.total() for counter in counters], [7] * count)

    def test_resets_in_threads(self) -> None:
        """No byte is lost or doubled where threads reset: what all the resets gave, and what is left, is what was added."""
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
            thread.join(30)
        self.assertEqual(sum(sums) + counter.value(), sum(range(3000)))

    def test_most(self) -> None:
        """A counter whose record is full goes on in another one, as one counter, and can be reset as a whole; over starts and kills too."""
        store = self.open()
        counter = store.counter("name")
        counter.add(MOST - 10)
        self.assertEqual(counter.reset(), MOST - 10)
        for _ in range(3):
            counter.add(7)
        self.assertEqual((counter.total(), counter.value()), (MOST + 11, 21))
        kill(store)
        store = self.open()
        counter = store.counter("name")
        counter.add(MOST - 5)
        self.assertEqual((counter.total(), counter.value()), (2 * MOST + 6, MOST + 16))
        self.assertEqual((counter.reset(), counter.value()), (MOST + 16, 0))
        close(store)
        self.assertEqual(len(parse(self.path.read_bytes()).slots), 3)
        self.assertEqual([figures.total for figures in read_counters(self.path)], [2 * MOST + 6])

    def test_most_of_a_tracker(self) -> None:
        """A tracker whose counters fill up counts on, each byte once on each of them, whichever it is that is full."""
        for full in itertools.product((False, True), repeat=3):
            store = self.open()
            counters = [store.counter(f"{full} {number}") for number in range(3)]
            tracker = Tracker(counters, counters)
            before = [MOST - 10 if one else 0 for one in full]
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
            self.assertEqual([counter.total() for counter in counters], [amount + 1 for amount in expected])
            found = {one.name: one.total for one in read_counters(self.path)}
            self.assertEqual([found[counter.name] for counter in counters], expected)


class FileTest(_StoreTestCase):
    """What becomes of the file."""

    def test_made(self) -> None:
        """It is made for its owner alone, and nothing is left beside it."""
        self.addCleanup(os.umask, os.umask(0))
        self.open()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_no_folder(self) -> None:
        """A folder that is not there is not made."""
        self.path = self.path.parent / "none" / "counters.db"
        self.assertIn(f"there is no folder {self.path.parent}", str(self.assertRaises(StoreError, self.open)))

    def test_killed(self) -> None:
        """What was counted up to a kill is there, reset or not, synced or not, and counters that nobody asks for any more too."""
        store = self.open()
        for name, amount in AMOUNTS.items():
            store.counter(name).add(amount)
        store.counter("user>>>alice>>>traffic>>>uplink").reset()
        before = figures(store)
        kill(store)
        store = self.open()
        self.assertEqual(figures(store), before)

    def test_half_made(self) -> None:
        """A kill while a counter is being made, at any step of it, leaves the others, and the next start says so and clears the rest."""
        store = self.open()
        store.counter("a").add(1)
        before = kill(store)
        store = self.open()
        store.counter("b" * 40)
        after = kill(store)
        end, begin = parse(after).end, parse(before).end
        for written in range(begin + 8, end):
            # The first eight bytes are written last.
            self.path.write_bytes(before[: begin + 8] + after[begin + 8 : written] + before[written:])
            store = FileCounterStore(self.path, lambda name, error: None)
            contents = store.open()
            self.assertEqual((figures(store), bool(contents.torn)), ({"a": (1, 1)}, any(after[begin + 8 : written])))
            close(store)
            self.assertEqual(parse(self.path.read_bytes()).torn, 0)

    def test_making(self) -> None:
        """A counter that is being made is written such that a kill after any step of that leaves it not there, or all there."""
        writes = 0

        class Stopping:
            """Memory that takes so many writes and no more."""

            def __init__(self, memory: Any) -> None:
                self.memory = memory

            def __setitem__(self, place: Any, value: Any) -> None:
                nonlocal writes
                if not writes:
                    raise KeyError
                writes -= 1
                self.memory[place] = value

            def __getitem__(self, place: Any) -> Any:
                return self.memory[place]

        outcomes = []
        for allowed in range(20):
            writes = 1000
            self.path.unlink(missing_ok=True)
            store = open_store(self.path)
            store.counter("a").add(1)
            assert store._map is not None
            (part,) = store._map._parts
            octets, words = Stopping(part.octets), Stopping(part.words)
            store._map._parts = [part._replace(octets=octets, words=words)]  # type: ignore[arg-type]  # what is used of them
            writes = allowed
            with contextlib.suppress(KeyError):
                store.counter("b" * 40)
            killed = self.path.read_bytes()
            store._map._parts = [part]
            close(store)
            self.path.write_bytes(killed)
            store = open_store(self.path)
            outcomes.append(len(figures(store)))
            self.assertEqual(figures(store)["a"], (1, 1))
            close(store)
        self.assertEqual(outcomes, sorted(outcomes))
        self.assertEqual((outcomes[0], outcomes[-1]), (1, 2))
        self.assertGreater(outcomes.count(1), 4)

    def test_killed_at_any_moment(self) -> None:
        """A process that is killed while it makes counters and counts leaves a row without a gap, each counter with all of its bytes."""
        choose = random.Random(4)
        for _ in range(25):
            self.path.unlink(missing_ok=True)
            told, tell = os.pipe()
            child = os.fork()
            if not child:
                try:
                    store = open_store(self.path)
                    os.write(tell, b"x")
                    for number in itertools.count(1):
                        store.counter(f"user number {number}").add(number)
                        store.counter("all").add(number)
                finally:
                    os._exit(1)
            os.close(tell)
            self.assertEqual(os.read(told, 1), b"x")
            os.close(told)
            # At a random moment: nothing is waited for here.
            time.sleep(choose.uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            store = open_store(self.path)
            totals = {name: total for name, (total, _) in figures(store).items()}
            close(store)
            every = totals.pop("all", 0)
            *made, last = [totals[f"user number {number + 1}"] for number in range(len(totals))] or [0]
            self.assertEqual(made, list(range(1, len(totals))))
            self.assertIn(last, (0, len(totals)))
            self.assertIn(every, (sum(made), sum(made) + last))

    def test_in_use(self) -> None:
        """A second store can't have the file, and says so, whatever name it has; when the first has closed it can."""
        store = self.open()
        self.patch(sys.modules["pipetwist.storage.file"], "_LOCK_PAUSE", 0)
        link = self.path.parent / "link"
        link.symlink_to(self.path)
        before = self.path.read_bytes()
        for path in (self.path, link):
            self.assertIn("a running daemon uses this file", str(self.assertRaises(StoreError, open_store, path)))
        self.assertEqual(self.path.read_bytes(), before)
        close(store)
        close(open_store(link))

    def test_waits_for_a_look(self) -> None:
        """A lock that goes again at once, as that of a look, is waited for."""
        close(self.open())
        module = sys.modules["pipetwist.storage.file"]
        looker = os.open(self.path, os.O_RDONLY)
        module.fcntl.flock(looker, module.fcntl.LOCK_SH)
        self.patch(module.time, "sleep", lambda seconds: os.close(looker))
        self.open()

    def test_replaced_meanwhile(self) -> None:
        """A file that another has replaced before it was locked is not used: the one at the path is."""
        close(self.open())
        module = sys.modules["pipetwist.storage.file"]
        lock = module._lock

        def replace(file: object) -> None:
            self.patch(module, "_lock", lock)
            self.path.unlink()
            store = open_store(self.path)
            store.counter("new").add(1)
            close(store)
            lock(file)

        self.patch(module, "_lock", replace)
        self.assertEqual(figures(self.open()), {"new": (1, 1)})

    def test_removed_meanwhile(self) -> None:
        """A file that was removed before it was locked is made anew."""
        close(self.open())
        module = sys.modules["pipetwist.storage.file"]
        lock = module._lock

        def remove(file: object) -> None:
            self.patch(module, "_lock", lock)
            self.path.unlink()
            lock(file)

        self.patch(module, "_lock", remove)
        self.assertEqual(figures(self.open()), {})
        self.assertTrue(self.path.exists())

    def test_fork(self) -> None:
        """The lock goes on in a child that was forked after it was taken, when the parent has gone."""
        told, tell = os.pipe()
        wait, go = os.pipe()
        parent = os.fork()
        if not parent:
            # The parent, which ends at once, and its child, which ends with the test.
            try:
                store = open_store(self.path)
                store.counter("a").add(1)
                if not os.fork():
                    os.close(go)
                    store.counter("a").add(2)
                    os.write(tell, b"x")
                    os.read(wait, 1)
            finally:
                os._exit(0)
        os.waitpid(parent, 0)
        os.close(tell)
        self.assertEqual(os.read(told, 1), b"x")
        self.patch(sys.modules["pipetwist.storage.file"], "_LOCK_PAUSE", 0)
        self.assertRaises(StoreError, open_store, self.path)
        os.close(go)
        self.assertEqual(os.read(told, 1), b"")  # the child has ended
        os.close(told)
        os.close(wait)
        self.assertEqual(figures(self.open()), {"a": (3, 3)})

    def test_closed(self) -> None:
        """When it is closed the counters can be read and reset, none can be asked for, and no descriptor and no mapping is left."""
        gc.collect()
        before = _descriptors(), self.mappings()
        store = open_store(self.path)
        counter = store.counter("a")
        counter.add(4)
        close(store)
        self.assertEqual((_descriptors(), self.mappings()), before)
        counter.add(3)
        self.assertEqual((figures(store), counter.reset(), counter.value()), ({"a": (7, 7)}, 7, 0))
        self.assertEqual(str(self.assertRaises(ValueError, store.counter, "a")), f"the counters of {self.path} are not open")
        store.sync()
        close(store)
        self.assertEqual([figures.total for figures in read_counters(self.path)], [4])

    def test_again(self) -> None:
        """A store that was closed can be opened again, and goes on."""
        store = self.open()
        for total in (1, 2, 3):
            store.counter("a").add(1)
            close(store)
            store.open()
            self.assertEqual(figures(store), {"a": (total, total)})

    def mappings(self) -> int:
        """How often this process maps the file."""
        return Path("/proc/self/maps").read_text(encoding="utf-8").count(str(self.path))


class GrowthTest(_StoreTestCase):
    """Thousands of users."""

    def test_many(self) -> None:
        """The file grows while it is used: counters from before go on where they are, and all are there after a kill."""
        store = self.open()
        counters = [store.counter("first")]
        cell = counters[0].cell
        for number in range(6000):
            counters.append(store.counter(f"user>>>user number {number}>>>traffic>>>uplink"))
            cell[0] += counters[0].unit
            counters[-1].add(number)
        self.assertIs(counters[0].cell, cell)
        self.assertGreater(self.path.stat().st_size, 8 * STEP)
        self.assertLess(self.path.read_text(encoding="latin-1").count("\0"), self.path.stat().st_size)
        self.assertEqual(counters[0].total(), 6000)
        before = figures(store)
        kill(store)
        self.assertEqual(figures(self.open()), before)

    def test_long_name(self) -> None:
        """A name may be longer than what the file grows by."""
        names = ["é" * STEP, "x" * (3 * STEP), "", "y"]
        store = self.open()
        for number, name in enumerate(names):
            store.counter(name).add(number)
        kill(store)
        self.assertEqual(figures(self.open()), {name: (number, number) for number, name in enumerate(names)})


class RoomTest(_StoreTestCase):
    """A full disk, played by a limit to what this process may write to a file."""

    def setUp(self) -> None:
        """Keep the limit."""
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        self.addCleanup(self.limit, soft)
        self.told: list[str] = []

    def full(self) -> FileCounterStore:
        """A store with counters in a file that can't grow, and one counter for which there was no room."""
        store = FileCounterStore(self.path, lambda name, error: self.told.append(f"{name[:4]}: {error.strerror}"))
        store.open()
        store.counter("last").add(1)
        self.limit(STEP)
        store.counter("long" * STEP).add(3)
        return store

    def test_no_room(self) -> None:
        """A counter for which there is no room counts in memory, which is told; the others go on in the file, new ones too."""
        store = self.full()
        self.assertEqual(self.told, ["long: File too large"])
        store.counter("last").add(1)
        store.counter("short").add(2)
        store.counter("long" * STEP).reset()
        Tracker([store.counter("long" * STEP), store.counter("last")], []).uplink(10)
        self.assertEqual(figures(store), {"last": (12, 12), "long" * STEP: (13, 10), "short": (2, 2)})
        self.assertEqual(len(self.told), 1)
        kill(store)
        self.assertEqual(figures(self.open()), {"last": (12, 12), "short": (2, 2)})

    def test_room_at_the_stop(self) -> None:
        """Where there is room at the stop it is saved then, as it is."""
        store = self.full()
        store.counter("long" * STEP).reset()
        store.counter("long" * STEP).add(5)
        self.limit(resource.RLIM_INFINITY)
        close(store)
        self.assertEqual(figures(self.open()), {"last": (1, 1), "long" * STEP: (8, 5)})

    def test_room_meanwhile(self) -> None:
        """Where there is room again it goes on in the file, for trackers too that counted before, and is there after a kill."""
        store = self.full()
        counter = store.counter("long" * STEP)
        tracker = Tracker([store.counter("last"), counter], [])
        tracker.uplink(10)
        counter.reset()
        self.assertEqual((store.find_room(), store.lacks_room), (0, True))
        self.limit(resource.RLIM_INFINITY)
        self.assertEqual((store.find_room(), store.lacks_room, store.find_room()), (1, False, 0))
        tracker.uplink(5)
        counter.add(2)
        self.assertEqual(self.told, ["long: File too large"])
        kill(store)
        self.assertEqual(figures(self.open()), {"last": (16, 16), "long" * STEP: (20, 7)})

    def test_none_at_the_stop(self) -> None:
        """Where there is none then either, that is told, and the others are saved."""
        store = self.full()
        close(store)
        self.assertEqual(self.told, ["long: File too large"] * 2)
        self.assertEqual(figures(self.open()), {"last": (1, 1)})

    def test_no_room_at_the_start(self) -> None:
        """A file that can't be made is told, and nothing of it is left."""
        self.limit(STEP - 1)
        self.assertIn("File too large", str(self.assertRaises(StoreError, self.open)))
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_no_room_for_what_is_there(self) -> None:
        """A copy whose holes can't be filled is not used, and not kept locked; nor is it changed."""
        close(self.open())
        before = self.path.read_bytes()

        def full(descriptor: int, offset: int, size: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        reserve = os.posix_fallocate
        self.patch(os, "posix_fallocate", full)
        self.assertIn("the counters can't be kept here: No space left", str(self.assertRaises(StoreError, self.open)))
        self.assertEqual(self.path.read_bytes(), before)
        self.patch(os, "posix_fallocate", reserve)
        self.open()

    def test_without_fallocate(self) -> None:
        """Where a file system, or the system, can't reserve room, zeros are written instead."""

        def unknown(descriptor: int, offset: int, size: int) -> None:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        module = sys.modules["pipetwist.storage.file"]
        for number, known in enumerate(({"posix_fallocate": unknown}, {})):
            system = type(os)("os")
            vars(system).update({name: value for name, value in vars(os).items() if name != "posix_fallocate"}, **known)
            self.patch(module, "os", system)
            store = open_store(self.path)
            for name in range(2000):
                store.counter(f"{number} {name}")
            self.assertGreaterEqual(self.path.stat().st_blocks * 512, 2000 * 64)
            close(store)
        self.assertEqual(len(figures(self.open())), 4000)

    def test_holes(self) -> None:
        """A copy with holes has room on the disk for all of it after the start: a write to a hole on a full disk would end the process."""
        close(self.open())
        data = self.path.read_bytes()
        with self.path.open("wb") as file:
            file.write(data.rstrip(b"\0"))
            file.truncate(len(data))
        self.assertLess(self.path.stat().st_blocks * 512, STEP)
        self.open()
        self.assertGreaterEqual(self.path.stat().st_blocks * 512, STEP)


class _States(RuleBasedStateMachine):
    """Any order of counting, resets, new names, syncs, stops and kills, against a dict."""

    names = st.text(st.characters(codec="utf-8"), max_size=70)

    def __init__(self) -> None:
        super().__init__()
        self.case = SynchronousTestCase()
        self.path = quick_folder(self.case) / "counters.db"
        self.store = open_store(self.path)
        self.model: dict[str, tuple[int, int]] = {}

    @rule(name=names, count=st.integers(0, 2**44))
    def add(self, name: str, count: int) -> None:
        """Count on this one."""
        self.store.counter(name).add(count)
        total, value = self.model.get(name, (0, 0))
        self.model[name] = total + count, value + count

    @rule(data=st.data())
    def reset(self, data: st.DataObject) -> None:
        """Reset one that there is."""
        if self.model:
            name = data.draw(st.sampled_from(sorted(self.model)))
            total, value = self.model[name]
            assert self.store.counter(name).reset() == value
            self.model[name] = total, 0

    @rule(number=st.integers(1, 800))
    def grow(self, number: int) -> None:
        """Make many."""
        for one in range(number):
            self.store.counter(f"grown {one}")
            self.model.setdefault(f"grown {one}", (0, 0))

    @rule()
    def sync(self) -> None:
        """Sync."""
        self.store.sync()

    @rule()
    def stop(self) -> None:
        """Stop in order, and start."""
        close(self.store)
        self.store = open_store(self.path)

    @rule()
    def kill(self) -> None:
        """Be killed, and start."""
        kill(self.store)
        self.store = open_store(self.path)

    @invariant()
    def same(self) -> None:
        """The counters are what was counted, in the file too."""
        assert figures(self.store) == self.model
        assert {name: (total, value) for name, total, value in read_counters(self.path)} == self.model

    def teardown(self) -> None:
        """Leave nothing."""
        close(self.store)
        self.case.doCleanups()


class StatesTest(SynchronousTestCase):
    """Any order of everything."""

    def test_any_order(self) -> None:
        """Whatever is done in whatever order, the counters are what was counted."""
        _States.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None, database=None, derandomize=True)
        _States.TestCase("runTest").debug()

    @settings(max_examples=50, deadline=None, database=None)
    @given(st.lists(st.none() | st.integers(min_value=0, max_value=2**40)))
    def test_values(self, steps: list[int | None]) -> None:
        """What the resets gave and the value are the total."""
        path = quick_folder(self) / "counters.db"
        store = open_store(path)
        counter = store.counter("name")
        given_out = 0
        for step in steps:
            if step is None:
                given_out += counter.reset()
            else:
                counter.add(step)
        self.assertEqual((given_out + counter.value(), counter.total()), (sum(step or 0 for step in steps),) * 2)
        close(store)


def _descriptors() -> int:
    """How many descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - they are counted
