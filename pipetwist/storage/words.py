"""Words with a built-in check: how a number that changes in place is stored in 64 bits of a file.

A word is its number times `UNIT`, plus a residue that depends on the word's position. To add ``n``
is then to add ``n * UNIT`` to one word, which the machine writes in one step: a killed process
can't leave a number without its check. This is an AN code (Avizienis, 1971). Since `UNIT` is a
prime above 255 of which 2 is a primitive root, no change of one byte or of two bits makes another
valid word. Zeros are not valid, and a word from another position is valid at one position in 268
only. Larger changes are not noticed once in 269 times.
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
        position: the word's offset in the file, in bytes; a multiple of 8.
        number: from 0 to `MAX_NUMBER`.
    """
    return number * UNIT + _residue(position)


def decode(position: int, word: int) -> int | None:
    """The number of a word; None if the word is not valid at this position."""
    number, residue = divmod(word, UNIT)
    return number if residue == _residue(position) else None


def _residue(position: int) -> int:
    return 1 + position // 8 % (UNIT - 1)
