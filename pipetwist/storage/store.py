"""Counters in a file that is mapped into memory.

What is added is immediately in the kernel's pages of the file, which survive the process, however
it ends. Only a power failure loses what has not been synced.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from threading import Lock
from typing import TypeAlias, final

from zope.interface import implementer

from pipetwist.errors import StoreError
from pipetwist.interfaces import ICellCounter, ICounterStore
from pipetwist.stats.counters import SortedCounters
from pipetwist.storage.file import open_file
from pipetwist.storage.layout import SEAL_AT, SYNCED_AT, USED_AT, Contents, seal, whole_steps
from pipetwist.storage.mapping import RecordMap
from pipetwist.storage.store_file import StoreFile
from pipetwist.storage.words import UNIT, encode

__all__ = ["FileCounter", "FileCounterStore"]

Words: TypeAlias = "memoryview[int]"
"""A total and a baseline, in the file or in memory."""


@final
@implementer(ICellCounter)
class FileCounter:
    """A counter whose words are in a file: those of its current record, and those of earlier
    records, to which nothing is added any more.

    As with `pipetwist.stats.counters.MemoryCounter` the total has one writer, and resets exclude
    each other.

    Args:
        name: its name.
        records: the total and the baseline of each record, as `pipetwist.storage.words` has them;
            the last is the current one.
        another: appends another record for a name, when the last one is full.
    """

    __slots__ = ("_another", "_records", "_resetting", "cell", "name")

    unit = UNIT
    """See `ICellCounter`."""

    def __init__(self, name: str, records: list[Words], another: Callable[[str], Words]) -> None:
        self.name = name
        self.cell = records[-1]
        self._records = records
        self._another = another
        self._resetting = Lock()

    def add(self, count: int) -> None:
        try:
            self.cell[0] += count * UNIT
        except ValueError:
            # It would exceed 64 bits.
            record = self._another(self.name)
            record[0] += count * UNIT
            with self._resetting:
                self._records = [*self._records, record]
                self.cell = record

    def total(self) -> int:
        with self._resetting:
            return sum(record[0] // UNIT for record in self._records)

    def value(self) -> int:
        with self._resetting:
            return sum(record[0] // UNIT - record[1] // UNIT for record in self._records)

    def reset(self) -> int:
        value = 0
        with self._resetting:
            for record in self._records:
                total, (baseline, residue) = record[0] // UNIT, divmod(record[1], UNIT)
                value += total - baseline
                record[1] = total * UNIT + residue
        return value

    def move(self, record: Words) -> None:
        """Continue in this new record instead of the last one, and move its figures there."""
        with self._resetting:
            before, self.cell = self.cell, record
            for number in range(2):
                record[number] += before[number]
            self._records = [*self._records[:-1], record]
        before.release()

    def detach(self) -> None:
        """Keep the figures in memory, and release the file."""
        with self._resetting:
            mapped, self._records = self._records, [_in_memory(*record) for record in self._records]
            self.cell = self._records[-1]
        for record in mapped:
            record.release()


@implementer(ICounterStore)
class FileCounterStore:
    """Counters in a file. Counters whose names are not used any more stay, and are served like the
    others.

    `sync`, `lost` and `close` wait for the disk, so another thread calls them; `open`, `counter`,
    `find_room` and `detach` are for the reactor's thread.

    Args:
        path: the file; it is created if it does not exist.
        unsaved: is called with a counter that is in memory only, because there is no room for it in
            the file, and the reason.
    """

    def __init__(
        self, path: str | os.PathLike[str], unsaved: Callable[[str, OSError], None]
    ) -> None:
        self.path = path
        self._unsaved = unsaved
        self._counters: dict[str, FileCounter] = {}
        self._sorted = SortedCounters(self._counters)
        self._without_room: set[str] = set()
        self._file: StoreFile | None = None
        self._map: RecordMap | None = None
        self._end = self._synced = 0

    def open(self) -> Contents:
        """Open the file, lock it, check it, and clear incomplete records at its end.

        Returns:
            What was in it.

        Raises:
            StoreError: it can't be used; a file that is damaged, or is not a file of counters, is
                not changed.
        """
        file = open_file(self.path, create=True)
        try:
            contents = file.contents()
            self._map = _take_over(file, contents)
        except OSError as error:
            file.close()
            message = f"{file.path}: the counters can't be kept here: {error.strerror}"
            raise StoreError(message) from error
        except BaseException:
            file.close()
            raise
        self._file = file
        self._synced = 0
        self._without_room = set()
        self._counters = self._found(contents, self._map)
        self._sorted = SortedCounters(self._counters)
        return contents

    def _found(self, contents: Contents, mapped: RecordMap) -> dict[str, FileCounter]:
        records: dict[str, list[Words]] = {}
        for slot in contents.slots:
            records.setdefault(slot.name, []).append(mapped.record(slot.words))
        return {name: FileCounter(name, ones, self._another) for name, ones in records.items()}

    def counter(self, name: str) -> FileCounter:
        """See `ICounterStore`; raises ValueError if the store is not open."""
        if self._map is None:
            message = f"the counters of {self.path} are not open"
            raise ValueError(message)
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = FileCounter(name, [self._another(name)], self._another)
        return counter

    def _another(self, name: str) -> Words:
        """Append a record, in memory if the file has no room or is closed."""
        if self._map is not None:
            try:
                return self._map.append(name)
            except OSError as error:
                self._without_room.add(name)
                self._unsaved(name, error)
        return _in_memory(0, 0)

    @property
    def lacks_room(self) -> bool:
        """Whether any counter is in memory only. From any thread."""
        return bool(self._without_room)

    def find_room(self, *, tell: bool = False) -> int:
        """Move counters that are in memory only to the file, as far as there is room now.

        Args:
            tell: whether to report those for which there is still no room.

        Returns:
            How many counters were moved.
        """
        if self._map is None:
            return 0
        found = 0
        for name in sorted(self._without_room):
            try:
                record = self._map.append(name)
            except OSError as error:
                if tell:
                    self._unsaved(name, error)
                continue
            self._counters[name].move(record)
            self._without_room.remove(name)
            found += 1
        return found

    def get(self, name: str) -> FileCounter | None:
        return self._counters.get(name)

    def counters(self) -> list[FileCounter]:
        return self._sorted.all()

    def sync(self) -> None:
        """Wait until what was counted up to now is on the disk.

        This is fsync(2), which on Linux writes a mapping's pages too. ``mmap.flush`` would hold the
        interpreter's lock while it waits.

        Raises:
            OSError: it can't be written.
        """
        file, mapped = self._file, self._map
        if file is None or mapped is None:
            return
        end = mapped.end
        os.fsync(file.descriptor)
        self._mark_synced(file, end)

    def lost(self) -> str | None:
        """Whether the file was removed or moved; see `StoreFile.lost`."""
        file = self._file
        return None if file is None else file.lost()

    def detach(self) -> None:
        """Stop counting in the file; the figures stay in memory."""
        if self._map is None:
            return
        self.find_room(tell=True)
        for counter in self._counters.values():
            counter.detach()
        self._end = self._map.end
        self._map.close()
        self._map = None

    def close(self) -> None:
        """After `detach`: write everything to the disk, seal the file, and unlock it.

        Raises:
            OSError: it can't be written; the file is then as a killed daemon leaves it.
        """
        file, self._file = self._file, None
        if file is None:
            return
        try:
            os.fsync(file.descriptor)
            self._mark_synced(file, self._end)
            file.write(SEAL_AT, struct.pack("<Q", seal(file.read())))
            os.fsync(file.descriptor)
        finally:
            file.close()

    def _mark_synced(self, file: StoreFile, end: int) -> None:
        if end != self._synced:
            file.write(SYNCED_AT, struct.pack("<Q", encode(SYNCED_AT, end)))
            self._synced = end


def _in_memory(total: int, baseline: int) -> Words:
    words = memoryview(bytearray(16)).cast("Q")
    words[0], words[1] = total, baseline
    return words


def _take_over(file: StoreFile, contents: Contents) -> RecordMap:
    """Prepare a valid file for writing."""
    if contents.torn:
        os.ftruncate(file.descriptor, contents.end)
    # A copy may have holes, and writing to a hole on a full disk would kill the process (SIGBUS).
    file.reserve(max(whole_steps(contents.end), file.size()))
    file.write(USED_AT, struct.pack("<Q", encode(USED_AT, contents.end)))
    file.write(SEAL_AT, bytes(8))
    # Before anything is counted: a sealed file with other figures than it was sealed with counts as
    # damaged.
    os.fsync(file.descriptor)
    return RecordMap(file, file.size(), contents.end)
