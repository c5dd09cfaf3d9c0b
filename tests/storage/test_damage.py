"""A file of counters that was cut or changed: it is refused or its counters are right, whatever has
happened to it.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StoreError
from pipetwist.storage.layout import BEGIN, Contents, DamagedError, build, parse
from pipetwist.storage.offline import forget_counters, read_counters
from tests.support.counter_files import AMOUNTS, close, figures, kill, open_store, quick_folder
from tests.support.examples import examples

_SIZE = 4096


class _FilesTestCase(SynchronousTestCase):
    """A file with counters on the disk and two counters that were made after the last sync."""

    def setUp(self) -> None:
        """Make the files, smaller than usual, so that every length and every byte of them can be
        tried.
        """
        self.patch(sys.modules["pipetwist.storage.layout"], "STEP", _SIZE)
        self.path = quick_folder(self) / "counters.db"
        store = open_store(self.path)
        for name, amount in AMOUNTS.items():
            store.counter(name).add(amount)
        store.counter("user>>>alice>>>traffic>>>uplink").reset()
        store.sync()
        self.synced = len(AMOUNTS)
        for name in ("outbound>>>a>>>traffic>>>uplink", "outbound>>>a>>>traffic>>>downlink"):
            store.counter(name).add(12345)
        self.killed = kill(store)
        close(open_store(self.path))
        self.sealed = self.path.read_bytes()
        self.slots = parse(self.killed).slots
        self.end = parse(self.killed).end
        self.assertEqual(parse(self.sealed), Contents(self.slots, self.end, 0, True))
        self.assertEqual((len(self.killed), len(self.sealed)), (_SIZE, _SIZE))

    def parse(self, data: bytes) -> Contents | None:
        """What is believed; None if it is refused. Anything else that is raised fails the test."""
        try:
            return parse(data)
        except DamagedError:
            return None


class CutTest(_FilesTestCase):
    """A copy that is not whole."""

    def test_sealed(self) -> None:
        """However much is missing of a file that was closed in order, it is refused."""
        self.assertEqual(
            [length for length in range(_SIZE + 1) if self.parse(self.sealed[:length]) is not None],
            [_SIZE],
        )

    def test_killed(self) -> None:
        """What a kill left is refused where something is missing that was on the disk; behind that
        it says what is missing.
        """
        least = self.slots[self.synced - 1].end
        for length in range(_SIZE + 1):
            contents = self.parse(self.killed[:length])
            if length < least:
                self.assertIsNone(contents)
            else:
                assert contents is not None
                self.assertEqual(
                    contents.slots, [slot for slot in self.slots if slot.end <= length]
                )
                self.assertEqual(contents.torn > 0, length < self.end)


class ChangedTest(_FilesTestCase):
    """A copy of which bytes have changed."""

    def check_killed(self, data: bytes) -> None:
        """A file that no daemon closed is refused, or right; where something is left out of it, it
        says so.
        """
        contents = self.parse(data)
        if contents is not None and contents.slots != self.slots:
            self.assertGreater(contents.torn, 0)
            self.assertEqual(contents.slots, self.slots[: len(contents.slots)])
            self.assertGreaterEqual(len(contents.slots), self.synced)

    def test_every_byte_of_a_sealed_one(self) -> None:
        """Whatever byte changes of a file that was closed in order, it is refused."""
        data = bytearray(self.sealed)
        for offset in range(_SIZE):
            for change in (1, 0x80, random.Random(offset).randrange(1, 256)):
                data[offset] ^= change
                self.assertIsNone(self.parse(bytes(data)), f"byte {offset} changed by {change}")
                data[offset] ^= change

    def test_every_byte_of_a_killed_one(self) -> None:
        """Whatever byte changes of a file that a kill left, and however, no counter is wrong
        without a word.
        """
        data = bytearray(self.killed[: self.end + 50])
        for offset in range(len(data)):
            for change in range(1, 256):
                data[offset] ^= change
                self.check_killed(bytes(data))
                data[offset] ^= change

    def test_every_two_bits_of_a_record(self) -> None:
        """Nor do any two bits of a counter's figures change without being found."""
        data = bytearray(self.killed[: self.end])
        bits = range(BEGIN * 8, (BEGIN + 32) * 8)
        for high in bits:
            for low in range(bits.start, high):
                for bit in (low, high):
                    data[bit // 8] ^= 1 << bit % 8
                self.assertIsNone(self.parse(bytes(data)))
                for bit in (low, high):
                    data[bit // 8] ^= 1 << bit % 8

    def test_impossible(self) -> None:
        """A counter that was reset beyond its total is damage, sealed or not."""
        self.assertIsNone(self.parse(build([("a", 5, 5), ("b", 1, 2)])))

    @settings(max_examples=examples(300), deadline=None, database=None)
    @given(st.data())
    def test_places(self, data: st.DataObject) -> None:
        """Bytes that change in many records at once are found as well."""
        changed = bytearray(self.killed[: self.end + 50])
        # Two changes in the same eight bytes are found but for one in 269.
        for word in data.draw(st.sets(st.integers(0, len(changed) // 8 - 1), min_size=1)):
            changed[word * 8 + data.draw(st.integers(0, 7))] ^= data.draw(st.integers(1, 255))
        self.check_killed(bytes(changed))

    @settings(max_examples=examples(100), deadline=None, database=None)
    @given(offset=st.integers(0, 1000), size=st.integers(1, 600))
    def test_zeros(self, offset: int, size: int) -> None:
        """Nor does a range of zeros, as a lost sector is one, pass for counters at 0."""
        changed = bytearray(self.killed)
        changed[offset : offset + size] = bytes(len(changed[offset : offset + size]))
        contents = self.parse(bytes(changed))
        if contents is not None:
            self.assertEqual(contents.slots, self.slots[: len(contents.slots)])
            self.assertGreaterEqual(len(contents.slots), self.synced)

    @settings(max_examples=examples(200), deadline=None, database=None)
    @given(st.binary(max_size=300), st.sampled_from([0, 16, 24, 64]))
    def test_anything(self, tail: bytes, kept: int) -> None:
        """Whatever stands in a file, it is refused or read, and nothing else happens."""
        self.parse(self.killed[:kept] + tail)


class StartTest(_FilesTestCase):
    """Such files as a daemon and the commands meet them."""

    def test_refused(self) -> None:
        """A file that is refused stays as it is, byte for byte, and nobody reads or changes it."""
        choose = random.Random(2)
        for original in (self.sealed, self.killed):
            for _ in range(25):
                data = bytearray(
                    original[
                        : choose.choice(
                            [len(original), choose.randrange(self.slots[self.synced - 1].end)]
                        )
                    ]
                )
                if data:
                    data[choose.randrange(min(len(data), self.slots[self.synced - 1].end))] ^= (
                        choose.randrange(1, 256)
                    )
                self.path.write_bytes(data)
                for use in (open_store, read_counters, lambda path: forget_counters(path, AMOUNTS)):
                    text = str(self.assertRaises(StoreError, use, self.path))
                    self.assertRegex(
                        text,
                        r"^\S+counters\.db: the file is (damaged|cut short|empty|not a file "
                        r"of counters)\b.*",
                    )
                    self.assertNotIn("\n", text)
                self.assertEqual(self.path.read_bytes(), bytes(data))
                self.assertEqual(self.others(), [])

    def test_repaired(self) -> None:
        """What was not finished at the end is cleared by a start, after which all goes on as
        ever.
        """
        choose = random.Random(3)
        least = self.slots[self.synced - 1].end
        for length in range(least, self.end + 50, 7):
            data = bytearray(self.killed[:length])
            if length > least and choose.random() < 0.5:
                data[choose.randrange(least, length)] ^= choose.randrange(1, 256)
            self.path.write_bytes(data)
            contents = self.parse(bytes(data))
            if contents is None:
                self.assertRaises(StoreError, open_store, self.path)
                continue
            store = open_store(self.path)
            self.assertEqual(
                figures(store),
                {slot.name: (slot.total, slot.total - slot.baseline) for slot in contents.slots},
            )
            for number in range(20):
                store.counter(f"new {number}").add(number)
            before = figures(store)
            kill(store)
            store = open_store(self.path)
            self.assertEqual(figures(store), before)
            close(store)
            self.assertEqual(
                {figure.name: (figure.total, figure.value) for figure in read_counters(self.path)},
                before,
            )

    def others(self) -> list[Path]:
        """Files that were left beside it."""
        return [path for path in self.path.parent.iterdir() if path != self.path]
