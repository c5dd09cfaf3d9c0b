"""How much of a TLS connection is read at once."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.transfer.tls_records import RecordPace

_OVERHEAD = 22  # what TLS 1.3 puts around a byte


def _records(size: int, total: int) -> bytes:
    """Records of so many bytes within, so many bytes together at least."""
    length = size + _OVERHEAD - 5
    one = b"\x17\x03\x03" + length.to_bytes(2, "big") + bytes(length)
    return one * (total // len(one) + 1)


class RecordPaceTest(SynchronousTestCase):
    """A client that is read as much at once as the pace says."""

    def setUp(self) -> None:
        """Make the pace."""
        self.pace = RecordPace()

    def read(self, stream: bytes) -> list[int]:
        """Read it all; how many bytes at once."""
        sizes = []
        while stream:
            piece, stream = stream[: self.pace.size], stream[self.pace.size :]
            sizes.append(len(piece))
            self.pace.came(piece)
        return sizes

    def test_large(self) -> None:
        """Who sends large records is soon read 64 KiB at once, for as long as that goes on."""
        self.assertEqual(
            self.read(_records(16384, 1 << 20))[:7], [2048, 4096, 8192, 16384, 32768, 65536, 65536]
        )
        self.assertEqual(self.pace.size, 65536)

    def test_small(self) -> None:
        """Of who sends records of one byte no more than a hundred come at once, and some 64 from
        the second time on.
        """
        first, *others, _ = self.read(_records(1, 1 << 18))
        self.assertEqual(first, 2048)
        self.assertTrue(all(60 * 23 < size <= 65 * 23 for size in others), others)

    def test_few(self) -> None:
        """A client that says little at a time is not read more at once for that."""
        for _ in range(100):
            self.read(_records(1, 1))
        self.assertEqual(self.pace.size, 2048)

    def test_by_turns(self) -> None:
        """Who sends large ones first, to be read much at once, and then small ones, has the less of
        it each time, for good.
        """
        for most in (65536, 32768, 16384, 8192, 8192):
            self.read(_records(16384, 1 << 20))
            self.assertEqual(self.pace.size, most)
            self.read(_records(1, 1 << 18))
            self.assertLess(self.pace.size, 2048)

    def test_anywhere(self) -> None:
        """Records are counted once each, wherever the pieces begin and end."""
        chance = random.Random(1)
        for _ in range(50):
            sizes = [chance.randrange(300) for _ in range(200)]
            stream = b"".join(_records(size, 1) for size in sizes)
            pace, counted = RecordPace(), 0
            while stream:
                size = chance.randrange(1, 40)
                counted += pace._count(stream[:size])
                stream = stream[size:]
            self.assertEqual(counted, len(sizes))

    def test_less(self) -> None:
        """Where less is asked for there is never more."""
        self.pace = RecordPace(1024)
        self.assertEqual({*self.read(_records(16384, 1 << 16))[:-1]}, {1024})
        self.assertEqual({*self.read(_records(1, 1 << 16))[:-1]}, {1024})

    def test_shown(self) -> None:
        """It says what it is."""
        self.assertEqual(repr(self.pace), "<RecordPace 2048 bytes, 65536 at most>")


class _Transport:
    """What reads as a TCP transport of Twisted's does."""

    bufferSize = 65536

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def doRead(self) -> str:
        """Read."""
        self.sizes.append(self.bufferSize)
        return "read"


class TransportTest(SynchronousTestCase):
    """A transport that is held."""

    def test_held(self) -> None:
        """It reads as much as the pace says, and sends as before; let go, it reads as before."""
        transport, pace = _Transport(), RecordPace()
        pace.hold(transport)
        self.assertEqual(transport.doRead(), "read")
        self.assertEqual(transport.bufferSize, 65536)
        pace.let_go(transport)
        transport.doRead()
        self.assertEqual(transport.sizes, [2048, 65536])

    def test_bounded_otherwise(self) -> None:
        """One that reads less by itself goes on doing so."""
        transport, pace = _Transport(), RecordPace()
        pace.hold(transport)
        transport.bufferSize = 1000
        transport.doRead()
        self.assertEqual((transport.sizes, transport.bufferSize), ([1000], 1000))

    def test_other(self) -> None:
        """One of another kind is left as it is."""
        other: object = type("Other", (), {})()
        RecordPace().hold(other)
        RecordPace().let_go(other)
        self.assertEqual(vars(other), {})
