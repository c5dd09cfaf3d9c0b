"""Parses a configuration's text into plain lists and objects: JSON5, of which JSON is a part.

Duplicate keys, and texts that are not valid Unicode, are found here, since later steps can't see
them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from pipetwist.config.from_json5 import Json5Rewriter, TooDeepError, to_int
from pipetwist.config.problems import KeyPath, Problem
from pipetwist.config.unclosed import innermost_open
from pipetwist.values import quote

__all__ = ["NotJsonError", "flaws", "parse_json"]

# far deeper than any configuration, and far below the stack limits of its readers
_MAX_DEPTH = 32
_TOO_DEEP = "lists and objects are nested too deeply for a configuration"


class NotJsonError(ValueError):
    """A text that is not valid. The error's text says where and why, for people."""


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
        value = _parse_json5(text)
    if _is_deeper(value, _MAX_DEPTH):
        raise NotJsonError(_TOO_DEEP)
    return value


def _parse_json5(text: str) -> object:
    if not text.strip():
        message = "the file is empty"
        raise NotJsonError(message)
    try:
        rewriting = Json5Rewriter(text, _MAX_DEPTH)
        value = json.loads(rewriting.json, object_pairs_hook=_to_object, parse_int=to_int)
    except json.JSONDecodeError as error:
        raise NotJsonError(_describe(text, rewriting.index(error.pos))) from None
    except TooDeepError:
        raise NotJsonError(_TOO_DEEP) from None
    except ValueError as error:
        raise NotJsonError(error) from None
    if rewriting.fault is not None:
        raise NotJsonError(_describe(text, rewriting.fault))
    return value


def _describe(text: str, index: int) -> str:
    character = text[index : index + 1]
    found = quote(character) if character else "the end of the file"
    unclosed = innermost_open(text, index)
    if unclosed is None or not _is_missing(unclosed.end, text, index):
        return f"{_position(text, index)}: {found} is not valid JSON here"
    begun = f"the {unclosed.kind} that began at {_position(text, unclosed.start)}"
    return (
        f"{_position(text, index)}: {found} comes before {begun} is closed: a "
        f"{quote(unclosed.end)} is missing"
    )


def _is_missing(end: str, text: str, index: int) -> bool:
    """Whether an error at a position is caused by a missing closing bracket or quote."""
    character = text[index : index + 1]
    if character in ("}", "]"):
        return end in "}]" and end != character
    # After a comma in an object there must be a name.
    return not character or (
        character in "{[" and end == "}" and text[:index].rstrip().endswith(",")
    )


def _position(text: str, index: int) -> str:
    return (
        f"line {text.count(chr(10), 0, index) + 1}, column {index - text.rfind(chr(10), 0, index)}"
    )


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
