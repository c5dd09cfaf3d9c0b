"""The bytes of a file, as every version of pipetwist that can read them has written them."""

from __future__ import annotations

import struct
from zlib import crc32

from pipetwist.storage.layout import build, parse
from tests.storage.store_case import StoreTestCase
from tests.support.counter_files import close, figures

_SIZE = 65536
_UNIT = 269
# What is said in `pipetwist.storage.layout` and `pipetwist.storage.words`, without a word of
# theirs.
_FIXED = b"\x89pipetwist\r\n\x1a\n\0\0" + b"\1\0\0\0"
_NAME = "user>>>ändrú>>>traffic>>>uplink".encode()


def _word(position: int, number: int) -> int:
    return number * _UNIT + 1 + position // 8 % 268


def _file(
    total: int, value: int, synced: int, *, used: int = 160, size: int = 96, seal: bool = False
) -> bytes:
    """A file with one counter, whose name fills its record but for a few bytes."""
    head = struct.pack("<II", size, len(_NAME))
    checksum = crc32(_NAME, crc32(struct.pack("<QIII", 64, size, len(_NAME), 0)))
    record = (
        head
        + struct.pack("<IIQQ", checksum, 0, _word(80, total), _word(88, total - value))
        + _NAME.ljust(64, b"\0")
    )
    header = _FIXED + struct.pack("<IQQQ", crc32(_FIXED), 0, _word(32, synced), _word(40, used))
    data = (header.ljust(64, b"\0") + record).ljust(_SIZE, b"\0")
    return (
        data[:24]
        + struct.pack("<Q", 0x5EA1ED00_00000000 | crc32(data[32:], crc32(data[:24])))
        + data[32:]
        if seal
        else data
    )


class FormatTest(StoreTestCase):
    """A file with one counter, byte by byte."""

    def test_closed(self) -> None:
        """A file that was closed in order is of these bytes, and such a file is read."""
        store = self.open()
        counter = store.counter(_NAME.decode())
        counter.add(2**40)
        counter.reset()
        counter.add(5)
        close(store)
        data = _file(2**40 + 5, 5, 160, seal=True)
        self.assertEqual(self.path.read_bytes(), data)
        self.assertEqual(build([(_NAME.decode(), 2**40 + 5, 2**40)]), data)
        self.assertEqual(figures(self.open()), {_NAME.decode(): (2**40 + 5, 5)})

    def test_in_use(self) -> None:
        """One that is in use, or was when its daemon was killed, is of these; what is beyond its
        last sync is distinguished.
        """
        store = self.open()
        store.counter(_NAME.decode()).add(7)
        self.assertEqual(self.path.read_bytes(), _file(7, 7, 64))
        store.sync()
        self.assertEqual(self.path.read_bytes(), _file(7, 7, 160))
        contents = parse(_file(7, 7, 160))
        self.assertEqual(
            (contents.slots[0][:3], contents.end, contents.torn, contents.sealed),
            ((_NAME.decode(), 64, 160), 160, 0, False),
        )

    def test_size(self) -> None:
        """A record of another size than its name asks for is none, whatever its checksum says."""
        for size, found in ((64, 0), (96, 1), (128, 0), (0, 0)):
            self.assertEqual(len(parse(_file(7, 7, 64, size=size)).slots), found, size)

    def test_torn(self) -> None:
        """What should be behind the last whole record is reported in bytes; a record that is whole,
        and not yet said to be in use, is none.
        """
        self.assertEqual(
            [parse(_file(7, 7, 64, used=used)).torn for used in (64, 160, 192, 224)], [0, 0, 32, 64]
        )
        beyond = bytearray(_file(7, 7, 64))
        beyond[169] = 1
        self.assertEqual(parse(bytes(beyond)).torn, 10)

    def test_idle(self) -> None:
        """A sync after which no counter is new writes nothing of its own, so that the disk of an
        idle daemon can rest.
        """
        store = self.open()
        store.counter("a").add(1)
        store.sync()
        written: list[int] = []
        self.patch(store._file, "write", lambda at, _: written.append(at))
        store.counter("a").add(2)
        store.sync()
        self.assertEqual(written, [])
        store.counter("b")
        written.clear()
        store.sync()
        self.assertEqual(written, [32])
