"""The layout of the file of counters, and the checks of its bytes. Nothing here does I/O.

All numbers are little-endian. A header of 64 bytes is followed by one record after another, and
zeros up to a multiple of `STEP`::

    header
     0  16  MAGIC
    16   4  VERSION
    20   4  CRC-32 of the 20 bytes before
    24   8  0 while the file is in use; what seal() says after an orderly stop
    32   8  word: so many bytes were on the disk at the last sync
    40   8  word: so many bytes are in use
    48  16  zeros

    record
     0   4  bytes of the record, a multiple of 32
     4   4  bytes of the name
     8   4  CRC-32 of the record's place, sizes, writer and name
    12   4  the process that writes it; 0, as long as there is only one
    16   8  word: the total
    24   8  word: the baseline
    32 ...  the name in UTF-8, and zeros

Words are those of `pipetwist.storage.words`. What changes in a record lies in one line of the
processor's cache, and its first eight bytes are written last: a record is there as a whole or not
at all. A counter is the sum of the records of its name.
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

from pipetwist.storage.words import decode, encode

__all__ = [
    "BEGIN",
    "HEAD_SIZE",
    "MAGIC",
    "NAME_AT",
    "SEAL_AT",
    "STEP",
    "SYNCED_AT",
    "USED_AT",
    "WORDS_AT",
    "Contents",
    "DamagedError",
    "Slot",
    "build",
    "head",
    "parse",
    "record_size",
    "seal",
    "whole_steps",
]

MAGIC = b"\x89pipetwist\r\n\x1a\n\0\0"
VERSION = 1
SEAL_AT = 24
SYNCED_AT = 32
USED_AT = 40
BEGIN = 64
"""Where the first record begins."""

HEAD_SIZE = 16
"""Bytes of a record before its words."""
WORDS_AT = 16
"""The offset of the total in a record; the baseline follows."""
NAME_AT = 32
"""The offset of the name."""
STEP = 1 << 16
"""Bytes that a file grows by."""

_ALIGNMENT = 32
_HEAD = struct.Struct("<IIII")
_SEALED = 0x5EA1ED00 << 32
_WORD = struct.Struct("<Q")


class DamagedError(Exception):
    """The bytes are not those of an undamaged file of counters. The text says why."""


class Slot(NamedTuple):
    """One record.

    Attributes:
        name: the counter's.
        offset: where the record begins, in bytes.
        end: where it ends.
        total: bytes counted.
        baseline: the total at the last reset.
    """

    name: str
    offset: int
    end: int
    total: int
    baseline: int

    @property
    def words(self) -> int:
        """The offset of its total, which its baseline follows."""
        return self.offset + WORDS_AT


class Contents(NamedTuple):
    """What a file holds.

    Attributes:
        slots: its records, in their order.
        end: where the next one would begin, in bytes.
        torn: bytes after that which are not, or not completely, records, though they should be.
        sealed: whether the file was closed in order, so that a checksum covers every byte.
    """

    slots: list[Slot]
    end: int
    torn: int
    sealed: bool


def whole_steps(size: int) -> int:
    """The size of a file that has so many bytes in use."""
    return -(-size // STEP) * STEP


def record_size(name: bytes) -> int:
    """Bytes of a record."""
    return NAME_AT + -(-len(name) // _ALIGNMENT) * _ALIGNMENT


def head(offset: int, name: bytes, writer: int = 0) -> bytes:
    """The first 16 bytes of a record."""
    size = record_size(name)
    return _HEAD.pack(size, len(name), _checksum(offset, size, writer, name), writer)


def build(slots: list[tuple[str, int, int]]) -> bytes:
    """Make the bytes of a file that was closed in order.

    Args:
        slots: the name, the total and the baseline of each record.
    """
    records = bytearray()
    for text, total, baseline in slots:
        name = text.encode()
        offset = BEGIN + len(records)
        words = encode(offset + WORDS_AT, total), encode(offset + WORDS_AT + 8, baseline)
        records += (
            head(offset, name)
            + struct.pack("<QQ", *words)
            + name.ljust(record_size(name) - NAME_AT, b"\0")
        )
    fixed = MAGIC + struct.pack("<I", VERSION)
    end = BEGIN + len(records)
    header = (
        fixed + struct.pack("<IQQQ", crc32(fixed), 0, encode(SYNCED_AT, end), encode(USED_AT, end))
    ).ljust(BEGIN, b"\0")
    data = (header + records).ljust(whole_steps(end), b"\0")
    return data[:SEAL_AT] + _WORD.pack(seal(data)) + data[SYNCED_AT:]


def seal(data: bytes) -> int:
    """The value at `SEAL_AT` of a file that was closed in order: a checksum of all its other
    bytes.
    """
    return _SEALED | crc32(memoryview(data)[SYNCED_AT:], crc32(data[:SEAL_AT]))


def parse(data: bytes) -> Contents:
    """Parse a file's bytes.

    A sealed file must match its checksum. In a file that a killed daemon or a power failure left,
    everything up to the last sync must be there, and every word must be valid; records that were
    added after the last sync may be incomplete.

    Raises:
        DamagedError: they are damaged, or not a file of counters.
    """
    synced, used = _check_header(data)
    mark = _WORD.unpack_from(data, SEAL_AT)[0]
    if mark and mark != seal(data):
        message = "damaged: it is not as it was when it was closed"
        raise DamagedError(message)
    slots: list[Slot] = []
    end = BEGIN
    while (slot := _slot(data, end)) is not None:
        slots.append(slot)
        end = slot.end
    if end < synced:
        what = "cut short" if len(data) < synced else "damaged"
        message = (
            f"{what}: there is no whole record at byte {end}, and {synced} bytes should be there"
        )
        raise DamagedError(message)
    return Contents(slots, end, max(used - end, len(data[end:].rstrip(b"\0"))), sealed=bool(mark))


def _check_header(data: bytes) -> tuple[int, int]:
    """What the header says: the bytes that are on the disk, and those that are in use."""
    if not data.startswith(MAGIC):
        message = "not a file of counters" if data else "empty, and so not a file of counters"
        raise DamagedError(message)
    if len(data) < BEGIN:
        message = f"cut short: {len(data)} bytes are not even a header"
        raise DamagedError(message)
    version, checksum = struct.unpack_from("<II", data, len(MAGIC))
    if checksum != crc32(data[: len(MAGIC) + 4]):
        message = "damaged: its header's checksum is wrong"
        raise DamagedError(message)
    if version != VERSION:
        message = f"of version {version}, and this pipetwist knows version {VERSION} only"
        raise DamagedError(message)
    synced, used = (decode(at, _WORD.unpack_from(data, at)[0]) for at in (SYNCED_AT, USED_AT))
    if synced is None or used is None or not BEGIN <= synced <= used:
        message = "damaged: its header is wrong"
        raise DamagedError(message)
    return synced, used


def _slot(data: bytes, offset: int) -> Slot | None:
    """The record at this offset, or None if there is no complete one."""
    if offset + NAME_AT > len(data):
        return None
    size, length, checksum, writer = _HEAD.unpack_from(data, offset)
    end = offset + size
    raw = data[offset + NAME_AT : offset + NAME_AT + length]
    if (
        end > len(data)
        or size != record_size(raw)
        or len(raw) != length
        or checksum != _checksum(offset, size, writer, raw)
    ):
        return None
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        return None
    total, baseline = (
        decode(offset + at, _WORD.unpack_from(data, offset + at)[0])
        for at in (WORDS_AT, WORDS_AT + 8)
    )
    if (
        total is None
        or baseline is None
        or baseline > total
        or any(data[offset + NAME_AT + length : end])
    ):
        message = f"damaged: what it says of {name} can't be right"
        raise DamagedError(message)
    return Slot(name, offset, end, total, baseline)


def _checksum(offset: int, size: int, writer: int, name: bytes) -> int:
    return crc32(name, crc32(struct.pack("<QIII", offset, size, len(name), writer)))
