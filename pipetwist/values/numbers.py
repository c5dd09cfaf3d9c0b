"""Numbers: ports, file modes, ids of users and groups, and counts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked

__all__ = ["Id", "Mode", "Port", "PositiveCount"]


def _whole(raw: object, least: int, most: int, what: str) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        message = f"{raw!r} is not {what}: a whole number from {least} to {most}"
        raise ValueError(message)
    return raw


def _parse_port(raw: object, folder: Path) -> int:
    return _whole(raw, 0, 65535, "a port")


def _parse_id(raw: object, folder: Path) -> int:
    return _whole(raw, 0, 2**32 - 2, "the number of a user or group")


def _parse_count(raw: object, folder: Path) -> int:
    return _whole(raw, 1, 2**31 - 1, "a count")


def _parse_mode(raw: object, folder: Path) -> int:
    if not isinstance(raw, str) or not re.fullmatch(r"0?[0-7]{3}", raw):
        message = f'{raw!r} is not a file mode; write it in octal digits between quotes, such as "0660"'
        raise ValueError(message)
    return int(raw, 8)


Port = Annotated[int, Checked(_parse_port, {"type": "integer", "minimum": 0, "maximum": 65535})]
Id = Annotated[int, Checked(_parse_id, {"type": "integer", "minimum": 0})]
PositiveCount = Annotated[int, Checked(_parse_count, {"type": "integer", "minimum": 1})]
Mode = Annotated[int, Checked(_parse_mode, {"type": "string", "pattern": "^0?[0-7]{3}$", "examples": ["0660"]})]
