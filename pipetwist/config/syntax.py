"""Parses a configuration's text into plain lists and objects: JSON5, of which JSON is a part.

Duplicate keys, and texts that are not valid Unicode, are found here, since later steps can't see
them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from pipetwist.config.foreign import format_of
from pipetwist.config.from_json5 import (
    Json5Rewriter,
    TooDeepError,
    TooLongError,
    first_long_number,
    to_int,
)
from pipetwist.config.not_json import describe
from pipetwist.config.places import Place, place_of_index
from pipetwist.config.problems import KeyPath, Problem
from pipetwist.values import quote

__all__ = ["NotJsonError", "flaws", "parse_json"]

# far deeper than any configuration, and far below the stack limits of its readers
_MAX_DEPTH = 32
_BEGIN = Place(1, 1)


class NotJsonError(ValueError):
    """A text that is not valid. The error's text says why, for people.

    Args:
        text: why.
        place: where it is wrong.
    """

    def __init__(self, text: str, place: Place = _BEGIN) -> None:
        super().__init__(text)
        self.place = place


class _Twofold(dict[str, object]):
    """An object with duplicate keys: the last value counts, and the names of the duplicates are
    kept.
    """

    repeated: tuple[str, ...] = ()


def parse_json(text: str) -> object:
    """Parse a text.

    Plain JSON is tried first, since that is faster. All of JSON is JSON5 with the same meaning.

    Raises:
        NotJsonError: it is neither.
    """
    try:
        value = json.loads(text, object_pairs_hook=_to_object, parse_int=to_int)
    except (ValueError, RecursionError):
        return _parse_json5(text)
    # This finds the place.
    return _parse_json5(text) if _is_deeper(value, _MAX_DEPTH) else value


def _parse_json5(text: str) -> object:
    if not text.strip():
        message = "the file is empty"
        raise NotJsonError(message)
    try:
        rewriting = Json5Rewriter(text, _MAX_DEPTH)
        value = json.loads(rewriting.json, object_pairs_hook=_to_object, parse_int=to_int)
    except json.JSONDecodeError as error:
        raise _not_json(text, rewriting.index(error.pos)) from None
    except TooDeepError as error:
        raise NotJsonError(str(error), place_of_index(text, error.index)) from None
    except TooLongError as error:
        raise NotJsonError(str(error), place_of_index(text, first_long_number(text))) from None
    if rewriting.fault is not None:
        raise _not_json(text, rewriting.fault)
    return value


def _not_json(text: str, index: int) -> NotJsonError:
    other = format_of(text)
    if other is not None:
        return NotJsonError(other)
    return NotJsonError(describe(text, index), place_of_index(text, index))


def _to_object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    twofold = _Twofold(value)
    times = Counter(name for name, _ in pairs)
    twofold.repeated = tuple(name for name in value if times[name] > 1)
    return twofold


def _is_deeper(value: object, levels: int) -> bool:
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(entry, levels - 1) for entry in within)


def flaws(value: object, key_path: KeyPath = ()) -> Iterator[Problem]:
    """Find duplicate keys, and texts that are not valid Unicode."""
    if isinstance(value, dict):
        for name in getattr(value, "repeated", ()):
            yield Problem((*key_path, name), "this key is given more than once")
        for name, member in value.items():
            yield from _flaws_of_text(name, (*key_path, name))
            yield from flaws(member, (*key_path, name))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from flaws(entry, (*key_path, index))
    elif isinstance(value, str):
        yield from _flaws_of_text(value, key_path)


def _flaws_of_text(text: str, key_path: KeyPath) -> Iterator[Problem]:
    try:
        text.encode()
    except UnicodeEncodeError:
        yield Problem(
            key_path, f"{quote(text)} has half of a surrogate pair in it, which is not a character"
        )
