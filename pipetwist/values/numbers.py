"""Numbers: ports, file modes, ids of users and groups, and counts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = [
    "MAX_ID",
    "Cid",
    "Count",
    "Id",
    "Megabits",
    "Mode",
    "MonthDay",
    "Niceness",
    "PerSecondNumber",
    "Port",
    "PositiveCount",
    "ServerPort",
    "VsockPort",
    "format_mode",
    "parse_mode",
    "parse_port",
]

MAX_ID = 2**32 - 2
"""The highest number of a user or group; the one above means "none" to the kernel, chown(2)."""

_MAX_PORT = 65535
_MAX_VSOCK = 2**32 - 2  # the number above means "any" to the kernel, vsock(7)
_MAX_COUNT = 2**31 - 1
_MAX_MONTH_DAY = 28
_MIN_MEGABITS = 0.064  # a channel of ISDN; below that one segment of TCP takes a second
_MAX_MEGABITS = 1_000_000
_MIN_PER_SECOND = 0.01
_MAX_PER_SECOND = 1_000_000
_MIN_NICE, _MAX_NICE = -20, 19  # setpriority(2)


def _whole(raw: object, minimum: int, maximum: int, what: str) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not minimum <= raw <= maximum:
        message = f"{quote(raw)} is not {what}; write a whole number from {minimum} to {maximum}"
        raise ValueError(message)
    return raw


def parse_port(raw: object, folder: Path | None = None) -> int:
    """Accept a port's number.

    Raises:
        ValueError: it is not a port.
    """
    return _whole(raw, 0, _MAX_PORT, "a port")


def _parse_server_port(raw: object, folder: Path) -> int:
    return _whole(raw, 1, _MAX_PORT, "the port of a server")


def _parse_id(raw: object, folder: Path) -> int:
    return _whole(raw, 0, MAX_ID, "the number of a user or group")


def _parse_cid(raw: object, folder: Path) -> int:
    return _whole(raw, 0, _MAX_VSOCK, "a cid")


def _parse_vsock_port(raw: object, folder: Path) -> int:
    return _whole(raw, 0, _MAX_VSOCK, "a port of vsock")


def _parse_count(raw: object, folder: Path) -> int:
    return _whole(raw, 0, _MAX_COUNT, "a count")


def _parse_positive_count(raw: object, folder: Path) -> int:
    return _whole(raw, 1, _MAX_COUNT, "a count")


def _number(raw: object, minimum: float, maximum: float, what: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not minimum <= raw <= maximum:
        message = f"{quote(raw)} is not {what}; write one from {minimum} to {maximum}"
        raise ValueError(message)
    return float(raw)


def _parse_megabits(raw: object, folder: Path) -> float:
    return _number(raw, _MIN_MEGABITS, _MAX_MEGABITS, "a number of megabits a second")


def _parse_niceness(raw: object, folder: Path) -> int:
    return _whole(raw, _MIN_NICE, _MAX_NICE, "a niceness")


def _parse_per_second(raw: object, folder: Path) -> float:
    return _number(raw, _MIN_PER_SECOND, _MAX_PER_SECOND, "a number of connections a second")


def _parse_month_day(raw: object, folder: Path) -> int:
    return _whole(raw, 1, _MAX_MONTH_DAY, "a day that every month has")


def parse_mode(raw: object, folder: Path | None = None) -> int:
    """Turn a written file mode into its bits.

    Raises:
        ValueError: it is not three octal digits between quotes, with or without a 0 before them.
    """
    if not isinstance(raw, str) or not re.fullmatch(r"0?[0-7]{3}", raw):
        message = (
            f"{quote(raw)} is not a file mode; write it in octal digits between quotes, such as "
            '"0660"'
        )
        raise ValueError(message)
    return int(raw, 8)


def format_mode(mode: int) -> str:
    """Write a file mode so that `parse_mode` gives it back."""
    return f"0{mode:03o}"


Port = Annotated[int, Checked(parse_port, {"type": "integer", "minimum": 0, "maximum": _MAX_PORT})]
ServerPort = Annotated[
    int, Checked(_parse_server_port, {"type": "integer", "minimum": 1, "maximum": _MAX_PORT})
]
Cid = Annotated[int, Checked(_parse_cid, {"type": "integer", "minimum": 0, "maximum": _MAX_VSOCK})]
VsockPort = Annotated[
    int, Checked(_parse_vsock_port, {"type": "integer", "minimum": 0, "maximum": _MAX_VSOCK})
]
Id = Annotated[int, Checked(_parse_id, {"type": "integer", "minimum": 0, "maximum": MAX_ID})]
Count = Annotated[
    int, Checked(_parse_count, {"type": "integer", "minimum": 0, "maximum": _MAX_COUNT})
]
PositiveCount = Annotated[
    int, Checked(_parse_positive_count, {"type": "integer", "minimum": 1, "maximum": _MAX_COUNT})
]
Megabits = Annotated[
    float,
    Checked(
        _parse_megabits, {"type": "number", "minimum": _MIN_MEGABITS, "maximum": _MAX_MEGABITS}
    ),
]
Niceness = Annotated[
    int,
    Checked(_parse_niceness, {"type": "integer", "minimum": _MIN_NICE, "maximum": _MAX_NICE}),
]
PerSecondNumber = Annotated[
    float,
    Checked(
        _parse_per_second,
        {"type": "number", "minimum": _MIN_PER_SECOND, "maximum": _MAX_PER_SECOND},
    ),
]
Mode = Annotated[
    int,
    Checked(
        parse_mode, {"type": "string", "pattern": "^0?[0-7]{3}$", "examples": ["0660"]}, format_mode
    ),
]
MonthDay = Annotated[
    int, Checked(_parse_month_day, {"type": "integer", "minimum": 1, "maximum": _MAX_MONTH_DAY})
]
