"""Quantities for people. Sizes are in the binary units of IEC 80000-13 everywhere: 1 KiB is 1024
B.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_INT64", "count_text", "duration_text", "rate_text", "size_text"]

MAX_INT64: Final = 2**63 - 1
"""The largest value of a counter in the API, which is an int64."""

_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DURATIONS: Final = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def size_text(count: int) -> str:
    """A number of bytes with two or three digits, such as ``1.5 KiB`` or ``640 MiB``.

    The largest value of the API is shown as "at least" that. A negative one, from a counter that
    wrapped around, is shown as it is.
    """
    if count < 0:
        return f"{count} B"
    text = _scaled(count)
    return f"{text} or more" if count == MAX_INT64 else text


def rate_text(per_second: float) -> str:
    """Bytes in a second."""
    return f"{_scaled(round(per_second))}/s"


def duration_text(seconds: int) -> str:
    """Whole seconds in the two largest units, such as ``2d 3h``."""
    parts: list[str] = []
    for unit, letter in _DURATIONS:
        number, seconds = divmod(seconds, unit)
        if number or parts:
            parts.append(f"{number}{letter}")
    return " ".join(parts[:2]) or "0s"


def count_text(number: int, noun: str) -> str:
    """How many there are, such as ``1 user`` or ``2 users``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _scaled(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in _UNITS:
        value /= 1024
        # Rounded to 1000 it would have a digit too many.
        if value < 999.5 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"
