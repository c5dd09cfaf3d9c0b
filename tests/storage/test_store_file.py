"""What becomes of the file of counters."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import random
import signal
import stat
import sys
import time
from pathlib import Path
from typing import Any

from pipetwist.errors import StoreError
from pipetwist.storage.layout import parse
from pipetwist.storage.offline import read_counters
from pipetwist.storage.store import FileCounterStore
from tests.storage.store_case import StoreTestCase
from tests.support.counter_files import AMOUNTS, close, figures, kill, open_store
from tests.support.loop import open_descriptors


class FileTest(StoreTestCase):
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
        self.assertIn(
            f"there is no folder {self.path.parent}", str(self.assertRaises(StoreError, self.open))
        )

    def test_killed(self) -> None:
        """What was counted up to a kill is there, reset or not, synced or not, and counters that
        nobody asks for any more too.
        """
        store = self.open()
        for name, amount in AMOUNTS.items():
            store.counter(name).add(amount)
        store.counter("user>>>alice>>>traffic>>>uplink").reset()
        before = figures(store)
        kill(store)
        store = self.open()
        self.assertEqual(figures(store), before)

    def test_half_made(self) -> None:
        """A kill while a counter is being made, at any step of it, leaves the others, and the next
        start says so and clears the rest.
        """
        store = self.open()
        store.counter("a").add(1)
        before = kill(store)
        store = self.open()
        store.counter("b" * 40)
        after = kill(store)
        end, begin = parse(after).end, parse(before).end
        for written in range(begin + 8, end):
            # The first eight bytes are written last.
            self.path.write_bytes(
                before[: begin + 8] + after[begin + 8 : written] + before[written:]
            )
            store = FileCounterStore(self.path, lambda name, error: None)
            contents = store.open()
            self.assertEqual(
                (figures(store), bool(contents.torn)),
                ({"a": (1, 1)}, any(after[begin + 8 : written])),
            )
            close(store)
            self.assertEqual(parse(self.path.read_bytes()).torn, 0)

    def test_making(self) -> None:
        """A counter that is being made is written such that a kill after any step of that leaves it
        not there, or all there.
        """
        writes = 0

        class Stopping:
            """Memory that takes so many writes and no more."""

            def __init__(self, memory: Any) -> None:
                self.memory = memory

            def __setitem__(self, offset: Any, value: Any) -> None:
                nonlocal writes
                if not writes:
                    raise KeyError
                writes -= 1
                self.memory[offset] = value

            def __getitem__(self, offset: Any) -> Any:
                return self.memory[offset]

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
        """A process that is killed while it makes counters and counts leaves a row without a gap,
        each counter with all of its bytes.
        """
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
            *made, last = [
                totals[f"user number {number + 1}"] for number in range(len(totals))
            ] or [0]
            self.assertEqual(made, list(range(1, len(totals))))
            self.assertIn(last, (0, len(totals)))
            self.assertIn(every, (sum(made), sum(made) + last))

    def test_in_use(self) -> None:
        """A second store can't have the file, and says so, whatever name it has; when the first has
        closed it can.
        """
        store = self.open()
        self.patch(sys.modules["pipetwist.storage.file"], "_LOCK_PAUSE", 0)
        link = self.path.parent / "link"
        link.symlink_to(self.path)
        before = self.path.read_bytes()
        for path in (self.path, link):
            self.assertIn(
                "a running daemon uses this file",
                str(self.assertRaises(StoreError, open_store, path)),
            )
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
        """A file that another has replaced before it was locked is not used: the one at the path
        is.
        """
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
        """A file that was removed before it was locked is made again."""
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
        """The lock goes on in a child that was forked after it was taken, when the parent has
        gone.
        """
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
        """When it is closed the counters can be read and reset, none can be asked for, and no
        descriptor and no mapping is left.
        """
        gc.collect()
        before, mappings = open_descriptors(), self.mappings()
        store = open_store(self.path)
        counter = store.counter("a")
        counter.add(4)
        close(store)
        self.assertEqual((open_descriptors() - before, self.mappings()), (set(), mappings))
        counter.add(3)
        self.assertEqual((figures(store), counter.reset(), counter.value()), ({"a": (7, 7)}, 7, 0))
        self.assertEqual(
            str(self.assertRaises(ValueError, store.counter, "a")),
            f"the counters of {self.path} are not open",
        )
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
