"""Sizes: a number of bytes with its unit, such as ``"10MB"`` or ``"512KiB"``."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["MAX_AMOUNT", "MAX_SIZE", "Amount", "Size", "format_size", "parse_amount", "parse_size"]

# IEC 80000-13: those with an i are binary.
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_WHOLE = re.compile(rf"([0-9]+(?:\.[0-9]+)?)({'|'.join(_BYTES)})")

MAX_SIZE = 2**63 - 1
"""Bytes in the largest file that there can be."""


def parse_size(raw: object, folder: Path | None = None) -> int:
    """Turn a written size into bytes.

    Args:
        raw: what the configuration says.
        folder: not used; every kind of value gets it.

    Raises:
        ValueError: it is not a size.
    """
    match = _WHOLE.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        message = f'{quote(raw)} is not a size; write it with its unit, such as "10MB" or "512KiB"'
        raise ValueError(message)
    size = int(Fraction(match[1]) * _BYTES[match[2]])
    if size > MAX_SIZE:
        message = f"{quote(raw)} is more than a file can have"
        raise ValueError(message)
    return size


MAX_AMOUNT = 10**16
"""Bytes in the largest amount, which a counter in a file still holds
(`pipetwist.storage.words`).
"""


def parse_amount(raw: object, folder: Path | None = None) -> int:
    """Turn a written amount of traffic into bytes: a size, or a number of bytes.

    Args:
        raw: what the configuration says.
        folder: not used; every kind of value gets it.

    Raises:
        ValueError: it is not an amount, or 0.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        amount = raw
    elif isinstance(raw, str) and _WHOLE.fullmatch(raw):
        amount = parse_size(raw)
    else:
        message = (
            f"{quote(raw)} is not an amount; write a number of bytes, or one with its unit, such "
            'as "50GB" or "512MiB"'
        )
        raise ValueError(message)
    if not 1 <= amount <= MAX_AMOUNT:
        message = f"{quote(raw)} can't be; an amount is from 1 byte to 10,000 TB"
        raise ValueError(message)
    return amount


def format_size(size: int) -> str:
    """Write a size so that `parse_size` gives exactly these bytes."""
    unit = max(
        (unit for unit, count in _BYTES.items() if size and size % count == 0),
        key=lambda unit: _BYTES[unit],
        default="B",
    )
    return f"{size // _BYTES[unit]}{unit}"


Size = Annotated[
    int,
    Checked(
        parse_size,
        {"type": "string", "pattern": f"^{_WHOLE.pattern}$", "examples": ["10MB", "512KiB"]},
        format_size,
    ),
]

Amount = Annotated[
    int,
    Checked(
        parse_amount,
        {
            "oneOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_AMOUNT},
                {"type": "string", "pattern": f"^{_WHOLE.pattern}$"},
            ],
            "examples": ["50GB", "512MiB", 1000000],
        },
        format_size,
    ),
]
