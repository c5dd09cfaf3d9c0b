"""The arguments of a call's URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

__all__ = ["Field", "parse_arguments", "parse_number", "parse_words"]

_MAX_TEXT_LENGTH = 200

Field: TypeAlias = tuple[str, Any]
"""The name of a field of what is asked for, and its value, of the type that this field has."""


def parse_arguments(
    arguments: Mapping[bytes, list[bytes]], known: Mapping[str, Callable[[str], Field]]
) -> dict[str, Any]:  # each of the type that its field has
    """Read the arguments that are there.

    Args:
        arguments: as the request has them.
        known: what reads each one; it raises ValueError.

    Returns:
        The fields.

    Raises:
        ValueError: an argument is unknown, is given twice, or has an invalid value; the text is for
            people.
    """
    fields: dict[str, Any] = {}  # each of the type that its field has
    for key, given in arguments.items():
        name = key.decode("utf-8", "replace")
        if name not in known:
            message = f"there is no argument {name[:40]!r}; there are {', '.join(known)}"
            raise ValueError(message)
        if len(given) != 1:
            message = f"{name} is given {len(given)} times; give it once"
            raise ValueError(message)
        field, value = known[name](given[0].decode("utf-8", "replace"))
        fields[field] = value
    return fields


def parse_number(name: str, text: str, most: int) -> int:
    """A number from 1 on.

    Raises:
        ValueError: it is none, or a larger one.
    """
    if not text.isdecimal() or not text.isascii() or len(text) > 6 or not 1 <= int(text) <= most:
        message = f"{name} is a number from 1 to {most}, not {text[:40]!r}"
        raise ValueError(message)
    return int(text)


def parse_words(name: str, text: str) -> tuple[str, ...]:
    """Words between blanks, case-folded.

    Raises:
        ValueError: the text is too long.
    """
    if len(text) > _MAX_TEXT_LENGTH:
        message = f"{name} has more than {_MAX_TEXT_LENGTH} characters"
        raise ValueError(message)
    return tuple(text.casefold().split())
