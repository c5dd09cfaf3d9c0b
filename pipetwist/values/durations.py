"""Durations, written as in sing-box: numbers with units one after another, such as ``"5s"``,
``"1m30s"`` or ``"1.5h"``.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["MAX_DURATION", "Duration", "Grace", "format_duration", "parse_duration"]

# Go's time.ParseDuration, which takes both of Unicode's signs for micro, and sing-box's days.
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "\u03bcs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_PART = re.compile(rf"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)({'|'.join(_SECONDS)})")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")

MAX_DURATION = (2**63 - 1) / 1e9
"""Seconds in the longest duration, which is Go's, and so sing-box's: 292 years."""


def parse_duration(raw: object, folder: Path | None = None) -> float:
    """Turn a written duration into seconds.

    Args:
        raw: what the configuration says.
        folder: not used; every kind of value gets it.

    Raises:
        ValueError: it is not a duration, or not longer than 0.
    """
    if not isinstance(raw, str) or not _WHOLE.fullmatch(raw):
        message = (
            f'{quote(raw)} is not a duration; write it with units, such as "5s", "1m30s" or "500ms"'
        )
        raise ValueError(message)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(raw))
    if seconds <= 0:
        message = f"a duration must be longer than 0, not {quote(raw)}"
        raise ValueError(message)
    if seconds > MAX_DURATION:
        message = f"{quote(raw)} is longer than 292 years, the longest duration there is"
        raise ValueError(message)
    return seconds


def format_duration(seconds: float) -> str:
    """Write a duration so that `parse_duration` gives exactly these seconds."""
    milliseconds = f"{round(seconds * 1000)}ms"
    if 0.001 <= seconds < 1 and parse_duration(milliseconds) == seconds:
        return milliseconds
    if seconds != int(seconds):
        return f"{Decimal(repr(seconds)):f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return "".join(
        f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if number
    )


Duration = Annotated[
    float,
    Checked(
        parse_duration,
        {"type": "string", "pattern": f"^{_WHOLE.pattern}$", "examples": ["5s", "1m30s"]},
        format_duration,
    ),
]

_NEVER = "never"


def _parse_grace(raw: object, folder: Path) -> float:
    if raw == _NEVER:
        return math.inf
    try:
        return parse_duration(raw)
    except ValueError as error:
        message = f'{error}, or "{_NEVER}"'
        raise ValueError(message) from None


def _format_grace(seconds: float) -> str:
    return _NEVER if seconds == math.inf else format_duration(seconds)


Grace = Annotated[
    float,
    Checked(
        _parse_grace,
        {
            "type": "string",
            "pattern": f"^({_WHOLE.pattern}|{_NEVER})$",
            "examples": ["30s", _NEVER],
        },
        _format_grace,
    ),
]
"""How long something may go on, in seconds; infinite for ``"never"``, which ends nothing."""
