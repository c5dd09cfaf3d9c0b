"""Messages for pydantic's errors, for the people who write configurations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from difflib import get_close_matches
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, TypeAlias, get_args, get_origin, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipetwist.config.document import Document
from pipetwist.config.foreign import equivalent
from pipetwist.config.one_of import OneOf
from pipetwist.config.problems import KeyPath, Problem
from pipetwist.values import quote
from pipetwist.values.text_or import TextOr

__all__ = ["problems_of", "unknown_keys"]

_Type: TypeAlias = Any
"""A type as it is written, such as ``Annotated[int, mark] | None``, which is of no type itself."""

_UNKNOWN_KEY = "unexpected_keyword_argument"
_NEEDED = "this required key is missing"


def problems_of(error: ValidationError, raw: object, within: KeyPath = ()) -> Iterator[Problem]:
    """Make a problem of each error, with our text and its key path.

    Args:
        error: the errors.
        raw: the document as it was written.
        within: where in a document that is which was validated; the document itself by default.
    """
    for details in error.errors(include_url=False):
        key_path, expected = _follow((*within, *details["loc"]))
        yield _problem(details, _as_written(key_path, raw), expected)


def unknown_keys(error: ValidationError) -> list[KeyPath]:
    """The key paths of unknown keys."""
    return [
        _follow(details["loc"])[0]
        for details in error.errors(include_url=False)
        if details["type"] == _UNKNOWN_KEY
    ]


def _problem(details: ErrorDetails, key_path: KeyPath, expected: _Type) -> Problem:
    written = details["input"]
    match details["type"]:
        case "value_error":
            return Problem(key_path, str(details["ctx"]["error"]))
        case "missing":
            return Problem(key_path, _NEEDED)
        case "unexpected_keyword_argument":
            return Problem(
                key_path,
                "this key is not known here; "
                f"{_hint(key_path[-1], [key.name for key in fields(expected)])}",
            )
        case "union_tag_not_found":
            return Problem(
                (*key_path, "type"), f"{_NEEDED}; {_hint(None, _choice(expected).types())}"
            )
        case "union_tag_invalid":
            return Problem((*key_path, "type"), _unknown_type(_choice(expected), written))
        case "literal_error":
            return Problem(
                key_path,
                f"{quote(written)} is not known here; {_hint(written, get_args(expected))}",
            )
        case "dataclass_type" | "dict_type":
            return Problem(key_path, f"{quote(written)} is not an object, which is written {{...}}")
        case "tuple_type":
            return Problem(key_path, f"{quote(written)} is not a list, which is written [...]")
        case "bool_type":
            return Problem(key_path, f"{quote(written)} is neither true nor false")
        case _:
            return Problem(key_path, f"{quote(written)} is not allowed here")


def _unknown_type(choice: OneOf, written: dict[str, object]) -> str:
    known = equivalent(choice.noun, written)
    if known is not None:
        return known
    type_ = written["type"]
    near = get_close_matches(type_, choice.types(), 1) if isinstance(type_, str) else ()
    meant = f"did you mean {quote(near[0])}? " if near else ""
    return (
        f"{quote(type_)} is not a type of {choice.noun}; {meant}"
        f"{'There are' if near else 'use one of'} {', '.join(map(quote, choice.types()))}"
    )


def _hint(written: object, known: Sequence[str]) -> str:
    near = get_close_matches(written, known, 1) if isinstance(written, str) else ()
    if near:
        return f"did you mean {quote(near[0])}?"
    return f"use one of {', '.join(map(quote, known))}"


def _follow(steps: Sequence[str | int]) -> tuple[KeyPath, _Type]:
    """Follow an error's steps from the top of the document.

    Returns:
        The key path, without the steps that pydantic adds for an option class that it chose by
        ``type``; and the expected type, or the class of the object if it has no such key.
    """
    key_path: KeyPath = ()
    expected: _Type = Document
    for step in steps:
        choice = _mark(expected)
        if choice is not None:
            expected = choice.options(str(step))
            continue
        key_path = (*key_path, step)
        holder = _plain(expected)
        if isinstance(step, int):
            expected = get_args(holder)[0]
        elif isinstance(holder, type):
            expected = _keys(holder).get(step, holder)
    return key_path, expected if _mark(expected) else _plain(expected)


def _as_written(key_path: KeyPath, raw: object) -> KeyPath:
    """The key path, where a single text stands for the list of it."""
    for step in key_path[:-1]:
        if isinstance(raw, list) and isinstance(step, int):
            raw = raw[step]
        else:
            raw = raw.get(step) if isinstance(raw, dict) else None
    return key_path[:-1] if isinstance(raw, str) else key_path


@lru_cache
def _keys(options: type) -> dict[str, _Type]:
    return get_type_hints(options, include_extras=True)


def _mark(expected: _Type) -> OneOf | TextOr | None:
    """What pydantic chooses by, which has a step of its own in its key paths; None if it has no
    choice.
    """
    if NoneType in get_args(expected):
        expected = next(one for one in get_args(expected) if one is not NoneType)
    marks = getattr(expected, "__metadata__", ())
    return next((mark for mark in marks if isinstance(mark, OneOf | TextOr)), None)


def _choice(expected: _Type) -> OneOf:
    return next(mark for mark in expected.__metadata__ if isinstance(mark, OneOf))


def _plain(expected: _Type) -> _Type:
    """The type without its annotations, and without the None for an absent key."""
    origin: object = get_origin(expected)
    if origin is Annotated:
        return _plain(get_args(expected)[0])
    if NoneType in get_args(expected):
        return _plain(
            next(alternative for alternative in get_args(expected) if alternative is not NoneType)
        )
    return expected
