"""From a configuration's text to plain lists and objects: JSON, with the comments and trailing commas of JSON5.

Keys that stand in an object twice, and texts that are not Unicode, are found here, since nothing behind this sees them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import json5

from pipetwist.config.problems import Place, Problem
from pipetwist.values import quote

__all__ = ["NotJsonError", "flaws", "parse_json"]

_DEEPEST = 32  # far deeper than any configuration, and far from where anything that reads it runs out of stack
_TOO_DEEP = "lists and objects stand in each other too deeply for a configuration"
_LONGEST_NUMBER = 400
_JSON5_ERROR = re.compile(r'<string>:([0-9]+) Unexpected (?:"(.)"|end of input) at column ([0-9]+)', re.DOTALL)


class NotJsonError(ValueError):
    """A text that is no JSON. Its text says where and what, for people."""


class _Twofold(dict[str, object]):
    """An object in which a key stood more than once: the last counts, of the others only the names are known."""

    repeated: tuple[str, ...] = ()


def parse_json(text: str) -> object:
    """Parse a text.

    Plain JSON is tried first, since JSON5's parser takes a hundred times as long; all of JSON is JSON5 and means the same there.

    Raises:
        NotJsonError: it is neither.
    """
    try:
        value = json.loads(text, object_pairs_hook=_to_object, parse_int=_to_int)
    except (ValueError, RecursionError):
        value = _parse_json5(text)
    if _is_deeper(value, _DEEPEST):
        raise NotJsonError(_TOO_DEEP)
    return value


def _parse_json5(text: str) -> object:
    if not text.strip():
        message = "the file is empty"
        raise NotJsonError(message)
    try:
        return _join(json5.loads(text, object_pairs_hook=_to_joined_object, parse_int=_to_int))
    except RecursionError:
        raise NotJsonError(_TOO_DEEP) from None
    except ValueError as error:
        match = _JSON5_ERROR.fullmatch(str(error))
        if match is None:
            raise NotJsonError(error) from None
    line, character, column = match.groups()
    message = f"line {line}, column {column}: {quote(character) if character else 'the end of the file'} is not what JSON has here"
    raise NotJsonError(message)


def _to_object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    twofold = _Twofold(value)
    names = [name for name, _ in pairs]
    twofold.repeated = tuple(name for name in value if names.count(name) > 1)
    return twofold


def _to_joined_object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    return _to_object([(_join(name), _join(value)) for name, value in pairs])


def _join(value: Any) -> Any:
    """Join the halves of surrogate pairs, which json5 leaves apart where they are escaped."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return [_join(entry) for entry in value] if isinstance(value, list) else value


def _to_int(digits: str, base: int = 10) -> int:
    if len(digits) > _LONGEST_NUMBER:
        message = f"a number of {len(digits)} digits is more than any key takes"
        raise ValueError(message)
    return int(digits, base)


def _is_deeper(value: object, levels: int) -> bool:
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(entry, levels - 1) for entry in within)


def flaws(value: object, place: Place = ()) -> Iterator[Problem]:
    """Find what a configuration may have nowhere: keys given twice, and texts that are not Unicode."""
    if isinstance(value, dict):
        for name in getattr(value, "repeated", ()):
            yield Problem((*place, name), "this key is there more than once, and only one can count")
        for name, member in value.items():
            yield from _flaws_of_text(name, (*place, name))
            yield from flaws(member, (*place, name))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from flaws(entry, (*place, index))
    elif isinstance(value, str):
        yield from _flaws_of_text(value, place)


def _flaws_of_text(text: str, place: Place) -> Iterator[Problem]:
    try:
        text.encode()
    except UnicodeEncodeError:
        yield Problem(place, f"{quote(text)} has half of a surrogate pair in it, which is no character")
