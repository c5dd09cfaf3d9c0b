"""Durations, written as in sing-box: numbers with units one after another, such as ``"5s"``, ``"1m30s"`` or ``"1.5h"``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked

__all__ = ["Duration", "parse_duration"]

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(raw: object, folder: Path | None = None) -> float:
    """Turn a written duration into seconds.

    Args:
        raw: what the configuration says.
        folder: not used; every kind of value is given it.

    Raises:
        ValueError: it is not a duration of more than nothing.
    """
    if not isinstance(raw, str) or not _WHOLE.fullmatch(raw):
        message = f'{raw!r} is not a duration; write it with units, such as "5s", "1m30s" or "500ms"'
        raise ValueError(message)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(raw))
    if seconds <= 0:
        message = f"a duration must be longer than nothing, not {raw!r}"
        raise ValueError(message)
    return seconds


Duration = Annotated[float, Checked(parse_duration, {"type": "string", "pattern": f"^{_WHOLE.pattern}$", "examples": ["5s", "1m30s"]})]
