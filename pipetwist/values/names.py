"""Names: tags of inbounds and outbounds, users, and the owners of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pipetwist.values.checked import Checked
from pipetwist.values.numbers import MAX_ID
from pipetwist.values.quoting import quote

__all__ = ["Owner", "Tag", "UserName", "parse_name", "parse_owner"]


def parse_name(raw: object, folder: Path | None = None) -> str:
    """Accept a tag or a user's name.

    ``>`` is refused since the parts of a counter's name are joined with ``>>>`` and its readers
    split it there.

    Raises:
        ValueError: it is not a text, is empty, or contains a ``>`` or a control character.
    """
    if not isinstance(raw, str):
        message = f"{quote(raw)} is not a name; write a text between quotes"
        raise ValueError(message)
    if not raw:
        message = "a name must not be empty"
        raise ValueError(message)
    if ">" in raw:
        message = (
            f"{quote(raw)} has a '>' in it, which the names of counters are split at; choose "
            "another name"
        )
        raise ValueError(message)
    if not raw.isprintable():
        message = f"{quote(raw)} has a character in it that can't be printed; choose another name"
        raise ValueError(message)
    return raw


def parse_owner(raw: object, folder: Path | None = None) -> str | int:
    """Accept the name or the number of a user or a group.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= MAX_ID:
        return raw
    if isinstance(raw, str) and raw and raw.isprintable():
        return raw
    message = f"{quote(raw)} is neither the name nor the number of a user or group"
    raise ValueError(message)


_NAME_SCHEMA = {"type": "string", "pattern": "^[^>]+$"}
Tag = Annotated[str, Checked(parse_name, _NAME_SCHEMA)]
UserName = Annotated[str, Checked(parse_name, _NAME_SCHEMA)]
Owner = Annotated[
    str | int,
    Checked(
        parse_owner,
        {"type": ["string", "integer"], "minLength": 1, "minimum": 0, "maximum": MAX_ID},
    ),
]
