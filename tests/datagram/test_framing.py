"""Datagrams on a stream."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.framing import MAX_FRAMED_BYTES, Deframer, frame
from tests.support.examples import examples


class FramingTest(SynchronousTestCase):
    """`frame` and `Deframer`."""

    def test_frame(self) -> None:
        """A datagram is preceded by its length, the high byte first; an empty one is its length
        alone.
        """
        self.assertEqual(
            (frame(b"abc"), frame(b""), frame(bytes(258))[:2]), (b"\0\3abc", b"\0\0", b"\1\2")
        )

    def test_largest(self) -> None:
        """What two bytes can't announce is refused."""
        self.assertEqual(frame(bytes(MAX_FRAMED_BYTES))[:2], b"\xff\xff")
        self.assertRaises(OverflowError, frame, bytes(MAX_FRAMED_BYTES + 1))

    def test_inside(self) -> None:
        """It is known whether the stream stands inside a datagram, be it in its length."""
        deframer = Deframer()
        for data, inside in (
            (b"", False),
            (b"\0", True),
            (b"\2", True),
            (b"a", True),
            (b"b", False),
            (b"\0\0", False),
        ):
            list(deframer.feed(data))
            self.assertIs(deframer.inside, inside)

    def test_pieces(self) -> None:
        """However the stream is cut, the datagrams are what they were."""

        @settings(max_examples=examples(200), deadline=None, database=None)
        @given(
            st.lists(st.one_of(st.binary(max_size=5), st.binary(max_size=700)), max_size=8),
            st.lists(st.integers(0, 400), max_size=30),
        )
        def one(datagrams: list[bytes], cuts: list[int]) -> None:
            stream, deframer = b"".join(map(frame, datagrams)), Deframer()
            found: list[bytes] = []
            for cut in cuts:
                found += deframer.feed(stream[:cut])
                stream = stream[cut:]
            found += deframer.feed(stream)
            self.assertEqual((found, deframer.inside), (datagrams, False))

        one()
