"""Words that check themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.storage.words import MOST, UNIT, decode, encode

__all__ = ["WordsTest"]

_PLACES = st.integers(0, 2**40).map(lambda number: number * 8)
_NUMBERS = st.integers(0, MOST)


class WordsTest(SynchronousTestCase):
    """Numbers in words."""

    def test_most(self) -> None:
        """The greatest number fits, and the next would not."""
        self.assertTrue(all(encode(place * 8, MOST) < 2**64 for place in range(UNIT)))
        self.assertGreaterEqual(encode((UNIT - 2) * 8, MOST + 1), 2**64)

    @given(_PLACES, _NUMBERS)
    def test_there_and_back(self, place: int, number: int) -> None:
        """A word gives the number that it was made of, and no word is 0."""
        word = encode(place, number)
        self.assertEqual(decode(place, word), number)
        self.assertGreater(word, 0)

    @given(_PLACES, st.integers(0, MOST // 2), st.integers(0, MOST // 2))
    def test_add(self, place: int, number: int, more: int) -> None:
        """Adding units adds to the number."""
        self.assertEqual(decode(place, encode(place, number) + more * UNIT), number + more)

    def test_changes(self) -> None:
        """No other byte, and no two other bits, make a word of a word: what they add or take is never a multiple of the unit."""
        for byte in range(8):
            for change in range(1, 256):
                self.assertTrue((change << 8 * byte) % UNIT)
        for high in range(64):
            for low in range(high):
                self.assertTrue((2**high + 2**low) % UNIT)
                self.assertTrue((2**high - 2**low) % UNIT)

    @given(_PLACES, _NUMBERS, st.integers(1, UNIT - 2))
    def test_elsewhere(self, place: int, number: int, distance: int) -> None:
        """A word is none in the places around it."""
        self.assertIsNone(decode(place + 8 * distance, encode(place, number)))
