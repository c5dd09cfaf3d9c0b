"""Words that check themselves: how a number that changes in place stands in a file's 64 bits.

A word is its number times `UNIT`, plus a residue that depends on where the word stands. An add of
``n`` is then an add of ``n * UNIT`` to one word, which the machine writes in one step: there is no
moment at which a killed process leaves a word and its checksum apart. This is an AN code
(Avizienis, 1971). Since `UNIT` is a prime above 255 of which 2 is a primitive root, no change of
one byte and no change of two bits makes another word of it; neither do zeros, or a word from
elsewhere but for one place in 268. What changes more goes unnoticed once in 269 times.
"""

from __future__ import annotations

__all__ = ["MAX_NUMBER", "UNIT", "decode", "encode"]

UNIT = 269
"""What a word grows by when its number grows by 1."""

MAX_NUMBER = 2**64 // UNIT - 1
"""The greatest number that a word holds: 68 * 10**15."""


def encode(position: int, number: int) -> int:
    """The word of a number.

    Args:
        position: where the word stands, in bytes from the file's begin; a multiple of 8.
        number: from 0 to `MAX_NUMBER`.
    """
    return number * UNIT + _residue(position)


def decode(position: int, word: int) -> int | None:
    """The number of a word; None where the word is none that `encode` makes there."""
    number, residue = divmod(word, UNIT)
    return number if residue == _residue(position) else None


def _residue(position: int) -> int:
    return 1 + position // 8 % (UNIT - 1)
