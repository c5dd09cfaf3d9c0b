"""A machine that loses its power: of what was written since the last sync, some sectors are on the
disk and some are not.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.storage.layout import STEP, parse
from pipetwist.storage.store import FileCounterStore
from tests.support.counter_files import close, figures, open_store, quick_folder
from tests.support.examples import examples

_SECTOR = 512
_NAMES = st.sampled_from(["a", "b" * 40, "c" * 700, "d" * 1500])
_IMAGE = 1 << 14  # bytes; more than any example uses
_STEPS = st.one_of(
    st.tuples(st.just("add"), _NAMES, st.integers(1, 2**40)),
    st.tuples(st.just("reset"), _NAMES),
    st.tuples(st.just("make"), st.integers(0, 20)),
    st.tuples(st.just("sync")),
    st.tuples(st.just("restart")),
)


class _PowerLostError(Exception):
    """The machine stops here."""


class PowerTest(SynchronousTestCase):
    """The disk is the test's: it has everything that was there at the last fsync, and any of what
    came after.
    """

    def setUp(self) -> None:
        """Hear of every fsync of the file."""
        self.path = quick_folder(self) / "counters.db"
        self.images: list[bytes] = []
        self.synced: dict[str, tuple[int, int]] = {}
        self.store: FileCounterStore | None = None
        self.fsyncs = 0

        def fsync(descriptor: int) -> None:
            self.images.append(self.image())
            if not self.fsyncs:
                raise _PowerLostError
            self.fsyncs -= 1
            if self.store is not None:
                self.synced = figures(self.store)
            self.images = [self.image()]

        for module, does in (("store", fsync), ("file", lambda descriptor: None)):
            system = type(os)("os")
            vars(system).update(vars(os), fsync=does)
            self.patch(sys.modules[f"pipetwist.storage.{module}"], "os", system)

    @settings(max_examples=examples(300), deadline=None, database=None, derandomize=True)
    @given(
        steps=st.lists(_STEPS, min_size=1, max_size=25), fsyncs=st.integers(1, 9), data=st.data()
    )
    def test_any_sectors(
        self, steps: list[tuple[Any, ...]], fsyncs: int, data: st.DataObject
    ) -> None:
        """Whatever sectors made it to the disk, the next start takes the file, and no counter has
        less than at the last sync.
        """
        self.path.unlink(missing_ok=True)
        self.store, self.synced, self.fsyncs = None, {}, fsyncs
        self.store = store = open_store(self.path)
        with contextlib.suppress(_PowerLostError):
            for step in steps:
                self.do(store, step)
                self.images.append(self.image())
        last = figures(store)
        cut = self.cut(data)
        synced, self.store, self.fsyncs = self.synced, None, -1
        close(store)
        self.path.write_bytes(cut)
        again = open_store(self.path)
        found = figures(again)
        self.assertEqual(set(synced) - set(found), set())
        for name, (total, value) in found.items():
            least, _ = synced.get(name, (0, 0))
            self.assertTrue(
                least <= total <= last[name][0],
                f"{name}: {total} is not from {least} to {last[name][0]}",
            )
            self.assertTrue(0 <= value <= total)
        again.counter("new").add(1)
        close(again)
        store = open_store(self.path)
        self.assertEqual(figures(store), {**found, "new": (1, 1)})
        close(store)

    def test_no_sector_but_the_first(self) -> None:
        """That counters are on the disk is said in the file only when they are: a sync that was not
        finished has said nothing.
        """
        self.fsyncs = 9
        self.store = store = open_store(self.path)
        for number in range(20):
            store.counter(f"made {number}")
        self.fsyncs = 0
        self.assertRaises(_PowerLostError, store.sync)
        first, last = self.images[0], self.images[-1]
        self.fsyncs = -1
        close(store)
        self.path.write_bytes(last[:_SECTOR] + first[_SECTOR:])
        again = open_store(self.path)
        self.assertEqual(sorted(figures(again)), [f"made {number}" for number in range(7)])
        close(again)

    def test_seal(self) -> None:
        """That the file was closed in order is said in it only when the rest of it is on the
        disk.
        """
        self.fsyncs = 9
        self.store = store = open_store(self.path)
        for number in range(20):
            store.counter(f"made {number}").add(number)
        before = figures(store)
        self.fsyncs = 1
        self.assertRaises(_PowerLostError, close, store)
        first, last = self.images[0], self.images[-1]
        self.fsyncs = -1
        self.path.write_bytes(last[:_SECTOR] + first[_SECTOR:] + bytes(STEP - len(first)))
        self.assertTrue(parse(self.path.read_bytes()).sealed)
        again = open_store(self.path)
        self.assertEqual(figures(again), before)
        close(again)

    def image(self) -> bytes:
        """What the file holds, without the zeros of its end."""
        with self.path.open("rb") as file:
            return file.read(_IMAGE)

    def do(self, store: FileCounterStore, step: tuple[Any, ...]) -> None:
        """Take one step; every step of a counter leaves an image of its own."""
        what, *arguments = step
        if what == "add":
            store.counter(arguments[0]).add(arguments[1])
        elif what == "reset":
            store.counter(arguments[0]).reset()
        elif what == "make":
            for number in range(arguments[0]):
                store.counter(f"made {number}")
                self.images.append(self.image())
        elif what == "sync":
            store.sync()
        else:
            close(store)
            self.images.append(self.image())
            store.open()

    def cut(self, data: st.DataObject) -> bytes:
        """The disk without power: each sector as it was in some image since the last fsync."""
        disk = bytearray(self.path.read_bytes())
        for begin in range(0, _IMAGE, _SECTOR):
            versions = list(dict.fromkeys(image[begin : begin + _SECTOR] for image in self.images))
            if len(versions) > 1:
                disk[begin : begin + _SECTOR] = data.draw(st.sampled_from(versions))
        return bytes(disk)
