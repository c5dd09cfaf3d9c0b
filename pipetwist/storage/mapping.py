"""Maps the records of an open file into memory, and appends records."""

from __future__ import annotations

from mmap import ALLOCATIONGRANULARITY, mmap
from typing import NamedTuple

from pipetwist.storage.layout import (
    HEAD_SIZE,
    NAME_AT,
    USED_AT,
    WORDS_AT,
    head,
    record_size,
    whole_steps,
)
from pipetwist.storage.store_file import StoreFile
from pipetwist.storage.words import encode

__all__ = ["RecordMap"]

_WORD = 8


class _Part(NamedTuple):
    """A mapped part of the file: where it begins, in bytes, and its memory twice, as bytes and as
    words.
    """

    begin: int
    memory: mmap
    octets: memoryview
    words: memoryview


class RecordMap:
    """Maps a file, and more of it as it grows. What was mapped before is not moved.

    Args:
        file: the file; all of its size is allocated on the disk.
        size: its size in bytes.
        end: where the next record begins.
    """

    def __init__(self, file: StoreFile, size: int, end: int) -> None:
        self.end = end
        """Where the next record begins, in bytes."""
        self._file = file
        self._size = size
        self._parts = [_mapped(file, 0, size)]

    def record(self, position: int) -> memoryview:
        """The total and the baseline of a record that existed at the start. The caller has to
        release it.

        Args:
            position: their offset in the file, in bytes.
        """
        first = position // _WORD
        return self._parts[0].words[first : first + 2]

    def append(self, name: str) -> memoryview:
        """Append a record, and return its total and its baseline, both at 0.

        Raises:
            OSError: there is no room for it.
        """
        raw = name.encode()
        offset, end = self.end, self.end + record_size(raw)
        if end > self._size:
            self._grow(end)
        begin, _, octets, words = self._parts[-1]
        at = offset - begin
        first_word = (at + WORDS_AT) // _WORD
        octets[at + NAME_AT : at + NAME_AT + len(raw)] = raw
        words[first_word] = encode(offset + WORDS_AT, 0)
        words[first_word + 1] = encode(offset + WORDS_AT + _WORD, 0)
        start = head(offset, raw)
        octets[at + _WORD : at + HEAD_SIZE] = start[_WORD:]
        # One machine instruction, after which the record is valid.
        words[at // _WORD] = int.from_bytes(start[:_WORD], "little")
        self._parts[0].words[USED_AT // _WORD] = encode(USED_AT, end)
        self.end = end
        return words[first_word : first_word + 2]

    def close(self) -> None:
        """Unmap the memory. Every record must have been released."""
        for part in self._parts:
            part.words.release()
            part.octets.release()
            part.memory.close()
        self._parts = []

    def _grow(self, end: int) -> None:
        # By half, so that a growing file has few parts, each of which keeps a descriptor.
        size = whole_steps(end + end // 2)
        self._file.reserve(size)
        begin = self.end // ALLOCATIONGRANULARITY * ALLOCATIONGRANULARITY
        self._parts.append(_mapped(self._file, begin, size))
        self._size = size


def _mapped(file: StoreFile, begin: int, size: int) -> _Part:
    memory = mmap(file.descriptor, size - begin, offset=begin)
    octets = memoryview(memory)
    return _Part(begin, memory, octets, octets.cast("Q"))
