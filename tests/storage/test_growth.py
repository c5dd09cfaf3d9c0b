"""A store that grows, and one that finds no room to."""

from __future__ import annotations

import errno
import os
import resource
import sys

from pipetwist.errors import StoreError
from pipetwist.stats.tracking import Tracker
from pipetwist.storage.layout import STEP
from pipetwist.storage.store import FileCounter, FileCounterStore
from pipetwist.storage.words import UNIT
from tests.storage.store_case import StoreTestCase
from tests.support.counter_files import close, figures, kill, open_store


class GrowthTest(StoreTestCase):
    """Thousands of users."""

    def test_many(self) -> None:
        """The file grows while it is used: counters from before go on where they are, and all are
        there after a kill.
        """
        store = self.open()
        counters = [store.counter("first")]
        cell = counters[0].cell
        for number in range(6000):
            counters.append(store.counter(f"user>>>user number {number}>>>traffic>>>uplink"))
            cell[0] += counters[0].unit
            counters[-1].add(number)
        self.assertIs(counters[0].cell, cell)
        self.assertGreater(self.path.stat().st_size, 8 * STEP)
        self.assertLess(
            self.path.read_text(encoding="latin-1").count("\0"), self.path.stat().st_size
        )
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
        self.assertEqual(
            figures(self.open()), {name: (number, number) for number, name in enumerate(names)}
        )


class RoomTest(StoreTestCase):
    """A full disk, played by a limit to what this process may write to a file."""

    def setUp(self) -> None:
        """Keep the limit."""
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        self.addCleanup(self.limit, soft)
        self.told: list[str] = []

    def full(self) -> FileCounterStore:
        """A store with counters in a file that can't grow, and one counter for which there was no
        room.
        """
        store = FileCounterStore(
            self.path, lambda name, error: self.told.append(f"{name[:4]}: {error.strerror}")
        )
        store.open()
        store.counter("last").add(1)
        self.limit(STEP)
        store.counter("long" * STEP).add(3)
        return store

    def test_no_room(self) -> None:
        """A counter for which there is no room counts in memory, which is reported; the others go
        on in the file, new ones too.
        """
        store = self.full()
        self.assertEqual(self.told, ["long: File too large"])
        store.counter("last").add(1)
        store.counter("short").add(2)
        store.counter("long" * STEP).reset()
        Tracker([store.counter("long" * STEP), store.counter("last")], []).uplink(10)
        self.assertEqual(
            figures(store), {"last": (12, 12), "long" * STEP: (13, 10), "short": (2, 2)}
        )
        self.assertEqual(len(self.told), 1)
        kill(store)
        self.assertEqual(figures(self.open()), {"last": (12, 12), "short": (2, 2)})

    def test_room_at_the_stop(self) -> None:
        """If there is room at the stop it is saved then, as it is."""
        store = self.full()
        store.counter("long" * STEP).reset()
        store.counter("long" * STEP).add(5)
        self.limit(resource.RLIM_INFINITY)
        close(store)
        self.assertEqual(figures(self.open()), {"last": (1, 1), "long" * STEP: (8, 5)})

    def test_room_too_late(self) -> None:
        """Once the store is closed nothing finds room any more, and nobody is told that anything
        did.
        """
        store = self.full()
        close(store)
        self.limit(resource.RLIM_INFINITY)
        self.assertEqual((store.lacks_room, store.find_room()), (True, 0))

    def test_room_for_the_last(self) -> None:
        """A counter of several records, of which the last has found room, keeps the figures of
        all.
        """
        words = [memoryview(bytearray(16)).cast("Q") for _ in range(4)]
        for number, record in enumerate(words[:3]):
            record[0], record[1] = 10**number * UNIT, number * UNIT
        counter = FileCounter("a", words[:3], lambda _: words[3])
        counter.move(words[3])
        counter.add(1000)
        self.assertEqual((counter.total(), counter.value()), (1111, 1108))

    def test_room_meanwhile(self) -> None:
        """Where there is room again it goes on in the file, for trackers too that counted before,
        and is there after a kill.
        """
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
        """If there is none then either, that is reported, and the others are saved."""
        store = self.full()
        close(store)
        self.assertEqual(self.told, ["long: File too large"] * 2)
        self.assertEqual(figures(self.open()), {"last": (1, 1)})

    def test_no_room_at_the_start(self) -> None:
        """A file that can't be made is reported, and nothing of it is left."""
        self.limit(STEP - 1)
        self.assertIn("File too large", str(self.assertRaises(StoreError, self.open)))
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_no_room_for_what_is_there(self) -> None:
        """A copy whose holes can't be filled is not used, and not kept locked; nor is it
        changed.
        """
        close(self.open())
        before = self.path.read_bytes()

        def full(descriptor: int, offset: int, size: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        reserve = os.posix_fallocate
        self.patch(os, "posix_fallocate", full)
        self.assertIn(
            "the counters can't be kept here: No space left",
            str(self.assertRaises(StoreError, self.open)),
        )
        self.assertEqual(self.path.read_bytes(), before)
        self.patch(os, "posix_fallocate", reserve)
        self.open()

    def test_without_fallocate(self) -> None:
        """If a file system, or the system, can't reserve room, zeros are written instead."""

        def unknown(descriptor: int, offset: int, size: int) -> None:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        written: list[int] = []

        def noted(descriptor: int, data: bytes, position: int) -> int:
            written.append(position + len(data))
            return os.pwrite(descriptor, data, position)

        module = sys.modules["pipetwist.storage.store_file"]
        for number, known in enumerate(({"posix_fallocate": unknown}, {})):
            system = type(os)("os")
            vars(system).update(
                {name: value for name, value in vars(os).items() if name != "posix_fallocate"},
                **known,
                pwrite=noted,
            )
            self.patch(module, "os", system)
            store = open_store(self.path)
            for name in range(2000):
                store.counter(f"{number} {name}")
            self.assertEqual(max(written), self.path.stat().st_size)
            close(store)
        self.assertEqual(len(figures(self.open())), 4000)

    def test_holes(self) -> None:
        """A copy with holes has room on the disk for all of it after the start: a write to a hole
        on a full disk would end the process.
        """
        close(self.open())
        data = self.path.read_bytes()
        with self.path.open("wb") as file:
            file.write(data.rstrip(b"\0"))
            file.truncate(len(data))
        reserved: list[tuple[int, int]] = []
        system = type(os)("os")
        vars(system).update(
            vars(os),
            posix_fallocate=lambda descriptor, offset, size: reserved.append((offset, size)),
        )
        self.patch(sys.modules["pipetwist.storage.store_file"], "os", system)
        self.open()
        self.assertIn((0, len(data)), reserved)
