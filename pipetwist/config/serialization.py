"""Writes a document as lines of text, so that another process can read it in small pieces.

Each line is a list of steps for a stack machine. A step that is not a list is a value to push; a
list says what to make of the top values: a tuple, a dict, or an object of a class. The first line
lists the classes, the last says that the document is complete.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import islice
from operator import attrgetter
from typing import Any

from pipetwist.config.document import Document
from pipetwist.config.external_kinds import is_ours
from pipetwist.errors import ConfigError
from pipetwist.kinds.user_options import UsersFile

__all__ = ["SLICE", "Deserializer", "ForeignLineError", "OtherVersionError", "serialize"]

SLICE = 500
"""The maximum of steps in a line, and so of parts, such as users, that are made from it."""

_FIRST, _LAST, _PROBLEMS = "pipetwist.classes", "pipetwist.complete", "pipetwist.problems"
_TUPLE, _DICT = -1, -2
_Classes = dict[tuple[type, tuple[str, ...]], int]
_FEW = 16  # entries of a list that is compared as part of its object
_PLAIN = (str, int, float, bool, type(None))


class ForeignLineError(Exception):
    """A line that does not belong to a document."""


class OtherVersionError(Exception):
    """A document with other classes than those of this process: it was read by another version."""


def serialize(read: Document | UsersFile | ConfigError) -> Iterator[str]:
    """Write a document, or its problems, as lines.

    Args:
        read: the document, or the users of a file, or the error.
    """
    if isinstance(read, ConfigError):
        yield json.dumps({_PROBLEMS: str(read)})
        return
    classes: _Classes = {}
    steps = list(_steps(read, classes))
    said = [[of.__module__, of.__qualname__, _keys(of), list(present)] for of, present in classes]
    yield json.dumps({_FIRST: said})
    for begin in range(0, len(steps), SLICE):
        yield json.dumps(steps[begin : begin + SLICE])
    yield json.dumps({_LAST: len(steps)})


def _keys(of: Any) -> list[str]:  # a dataclass or its object: typing has no name for it
    return [field.name for field in fields(of)]


@cache
def _absent(of: Any) -> frozenset[str]:  # a dataclass, as above
    """The keys whose default is None: where they are None they are left out."""
    return frozenset(field.name for field in fields(of) if field.default is None)


def _steps(value: object, classes: _Classes) -> Iterator[object]:
    if isinstance(value, _PLAIN):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from _steps(entry, classes)
        yield [_TUPLE, len(value)]
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield key
            yield from _steps(entry, classes)
        yield [_DICT, 2 * len(value)]
    elif is_dataclass(value):
        # Most users have few of the keys that there are.
        of: Any = type(value)  # as below
        absent = _absent(of)
        keys = _keys(value)
        present = [key for key in keys if key not in absent or getattr(value, key) is not None]
        for key in present:
            yield from _steps(getattr(value, key), classes)
        yield [classes.setdefault((of, tuple(present)), len(classes))]
    else:
        message = f"a document has no way to write {type(value).__name__}"
        raise TypeError(message)


class Deserializer:
    """Builds a document from its lines.

    A part that has not changed since the previous document becomes the same object: comparing the
    two takes almost no time, and they need hardly more memory than one.

    Args:
        before: the previous document.
        of: what is built, a document or a `UsersFile`.
    """

    def __init__(self, before: Document, of: type[Document | UsersFile] = Document) -> None:
        self._of = of
        self._before = _parts(before)
        self._known: dict[Hashable, object] = {}
        self._begun = False
        self._classes: list[tuple[type, list[str]]] = []
        self._stack: list[object] = []
        self._count = 0
        self.outcome: Document | UsersFile | ConfigError | None = None
        """The document, or its problems; None as long as lines are missing."""

    def __repr__(self) -> str:
        state = "empty" if not self._begun else "unfinished" if self.outcome is None else "complete"
        return f"<Deserializer {state}, {self._count} steps, {len(self._known)} known>"

    def remember(self) -> bool:
        """Index the next parts of the previous document, at most `SLICE`; False if there are no
        more.
        """
        count = 0
        for part in islice(self._before, SLICE):
            count += 1
            key = _key_of(part)
            if key is not None:
                self._known.setdefault(key, part)
        return count > 0

    def forget(self) -> bool:
        """Release the next of those parts, at most `SLICE`; False if there are no more.

        So parts of the previous document that are no longer needed are freed in small pieces as
        well.
        """
        for _ in range(min(SLICE, len(self._known))):
            self._known.popitem()
        return bool(self._known)

    def take(self, line: bytes) -> int:
        """Process the next line.

        Returns:
            How many parts it had, at most `SLICE`.

        Raises:
            ForeignLineError: it does not belong to a document.
            OtherVersionError: the document was written by another version.
        """
        try:
            said = json.loads(line)
            if self.outcome is not None:
                raise ForeignLineError
            if isinstance(said, dict):
                self._take_mark(said)
                return 0
            if len(said) > SLICE or not self._begun:
                raise ForeignLineError
            for step in said:
                if isinstance(step, str):
                    self._stack.append(self._known.get(step, step))
                else:
                    self._stack.append(self._make(*step) if isinstance(step, list) else step)
            self._count += len(said)
            return len(said)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ForeignLineError from error

    def _take_mark(self, said: dict[str, Any]) -> None:  # Any: unchecked JSON
        if _PROBLEMS in said:
            self.outcome = ConfigError(said[_PROBLEMS])
        elif _FIRST in said and not self._begun:
            self._begun = True
            self._classes = [_class_of(*one) for one in said[_FIRST]]
        else:
            (document,) = self._stack
            if said[_LAST] != self._count or not isinstance(document, self._of):
                raise ForeignLineError
            self.outcome = document

    def _make(self, kind: int, count: int = 0) -> object:
        if kind >= 0:
            of, keys = self._classes[kind]
            part = of(**dict(zip(keys, self._pop(len(keys)), strict=True)))
            key = _key_of(part)
            return part if key is None else self._known.get(key, part)
        values = self._pop(count)
        return (
            tuple(values) if kind == _TUPLE else dict(zip(values[::2], values[1::2], strict=True))
        )

    def _pop(self, count: int) -> list[object]:
        if not 0 <= count <= len(self._stack):
            raise ForeignLineError
        begin = len(self._stack) - count
        values = self._stack[begin:]
        del self._stack[begin:]
        return values


def _class_of(
    module: str, name: str, keys: list[str], present: list[str] | None = None
) -> tuple[type, list[str]]:
    of = getattr(sys.modules.get(module), name, None)
    if not is_ours(module) or not isinstance(of, type) or not is_dataclass(of) or _keys(of) != keys:
        raise OtherVersionError
    return of, keys if present is None else present


def _parts(value: object) -> Iterator[object]:
    """The parts of a document that are reused: texts, and objects of classes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | dict):
        for entry in value:
            yield from _parts(entry)
    elif is_dataclass(value):
        for key in _keys(value):
            yield from _parts(getattr(value, key))
        yield value


def _key_of(part: object) -> Hashable | None:
    """A key that equal parts have in common; None if the part is not reused."""
    if isinstance(part, str):
        return part
    # Not with vars(), which would make every object keep a dict. The key has the name of the class,
    # and not the class, so that the garbage collector need not look at it again and again.
    of: type = type(part)
    name, get = _getter(of)
    values = get(part)
    for value in values:
        # Objects that contain others are few, and may contain much; but a user's networks are few.
        if not isinstance(value, _PLAIN) and not _is_short(value):
            return None
    return (name, values)


def _is_short(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) <= _FEW
        and all(isinstance(entry, _PLAIN) for entry in value)
    )


@cache
def _getter(of: type) -> tuple[str, Callable[[object], tuple[object, ...]]]:
    keys = _keys(of)
    name = f"{of.__module__}.{of.__qualname__}"
    if len(keys) > 1:
        return name, attrgetter(*keys)
    return name, lambda part: tuple(getattr(part, key) for key in keys)
