"""Moments: dates and times of RFC 3339, and the time zones that dates are in."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["MomentOrNone", "TimeZone", "moment", "parse_moment"]

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
_WHOLE = re.compile(f"{_DATE}({_TIME})?")
_SCHEMA = {"type": "string", "pattern": f"^{_WHOLE.pattern}$", "examples": ["2027-03-01"]}


def parse_moment(raw: object, folder: Path | None = None) -> str:
    """Accept a date, or a date and a time with its offset (RFC 3339, section 5.6).

    Args:
        raw: what the configuration says.
        folder: not used; every kind of value gets it.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(raw, str) and _WHOLE.fullmatch(raw):
        try:
            moment(raw, None)
        except (ValueError, OverflowError, OSError):
            pass
        else:
            return raw
    message = (
        f'{quote(raw)} is no date; write one such as "2027-03-01", or with a time as '
        '"2027-03-01T12:00:00Z"'
    )
    raise ValueError(message)


def moment(written: str, zone: tzinfo | None) -> float:
    """Seconds since 1970 of what is written so.

    Args:
        written: what `parse_moment` has accepted.
        zone: where a date begins; None for the system's time zone.
    """
    if len(written) == len("2027-03-01"):
        return datetime.fromisoformat(written).replace(tzinfo=zone).timestamp()
    text = written.upper().replace("Z", "+00:00")
    seconds, fraction, offset = re.fullmatch(  # type: ignore[union-attr]  # it was accepted
        r"([^.]*?)(\.[0-9]+)?([+-][0-9:]+)", text
    ).groups()
    # Python 3.10 takes three or six digits of a fraction alone.
    return datetime.fromisoformat(seconds + offset).timestamp() + float(fraction or 0)


def _parse_zone(raw: object, folder: Path) -> str:
    if isinstance(raw, str):
        try:
            ZoneInfo(raw)
        except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            pass
        else:
            return raw
    message = (
        f"{quote(raw)} is no time zone that this system knows; write a name such as "
        '"Europe/Berlin" or "UTC"'
    )
    raise ValueError(message)


def _parse_moment_or_none(raw: object, folder: Path) -> str:
    return "" if raw is None else parse_moment(raw)


MomentOrNone = Annotated[
    str | None,
    Checked(
        _parse_moment_or_none,
        {"anyOf": [_SCHEMA, {"type": "null"}]},
        lambda written: written or None,
    ),
]
TimeZone = Annotated[str, Checked(_parse_zone, {"type": "string", "examples": ["Europe/Berlin"]})]
