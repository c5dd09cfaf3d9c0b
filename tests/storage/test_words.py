"""Words that check themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.storage.words import MAX_NUMBER, UNIT, decode, encode

_PLACES = st.integers(0, 2**40).map(lambda number: number * 8)
_NUMBERS = st.integers(0, MAX_NUMBER)


class WordsTest(SynchronousTestCase):
    """Numbers in words."""

    def test_most(self) -> None:
        """The greatest number fits, and the next would not."""
        self.assertTrue(all(encode(offset * 8, MAX_NUMBER) < 2**64 for offset in range(UNIT)))
        self.assertGreaterEqual(encode((UNIT - 2) * 8, MAX_NUMBER + 1), 2**64)

    @given(_PLACES, _NUMBERS)
    def test_there_and_back(self, offset: int, number: int) -> None:
        """A word gives the number that it was made of, and no word is 0."""
        word = encode(offset, number)
        self.assertEqual(decode(offset, word), number)
        self.assertGreater(word, 0)

    @given(_PLACES, st.integers(0, MAX_NUMBER // 2), st.integers(0, MAX_NUMBER // 2))
    def test_add(self, offset: int, number: int, more: int) -> None:
        """Adding units adds to the number."""
        self.assertEqual(decode(offset, encode(offset, number) + more * UNIT), number + more)

    def test_changes(self) -> None:
        """No other byte, and no two other bits, make a word of a word: what they add or take is
        never a multiple of the unit.
        """
        for byte in range(8):
            for change in range(1, 256):
                self.assertTrue((change << 8 * byte) % UNIT)
        for high in range(64):
            for low in range(high):
                self.assertTrue((2**high + 2**low) % UNIT)
                self.assertTrue((2**high - 2**low) % UNIT)

    @given(_PLACES, _NUMBERS, st.integers(1, UNIT - 2))
    def test_elsewhere(self, offset: int, number: int, distance: int) -> None:
        """A word is none in the places around it."""
        self.assertIsNone(decode(offset + 8 * distance, encode(offset, number)))
