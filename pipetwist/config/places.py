"""Finds the lines and columns of key paths in a configuration's text. It is only done when there is
something to say about them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipetwist.config.from_json5 import Json5Rewriter, tokens
from pipetwist.config.problems import KeyPath

__all__ = ["Place", "place_of_index", "places"]

_NO_DEPTH = 1


class Place(NamedTuple):
    """A place in a text.

    Attributes:
        line: the line's number, from 1.
        column: the character's number in its line, from 1.
    """

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


def place_of_index(text: str, index: int) -> Place:
    """The place of a character, by its index in the text."""
    return Place(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def places(text: str, key_paths: Iterable[KeyPath]) -> dict[KeyPath, Place]:
    """Find where each key path stands: the key of an object, or the entry of a list.

    What is not there, such as a key that is missing, is where the object stands that should have
    it. Of a key that is given twice it is the second.

    Args:
        text: JSON5, which is valid.
        key_paths: what to look for.
    """
    wanted = _Node()
    for key_path in key_paths:
        node = wanted
        for step in key_path:
            node = node.within.setdefault(step, _Node())
        node.asked = True
    _find(text, wanted)
    return {
        key_path: place_of_index(text, index) for key_path, index in wanted.found((), wanted.index)
    }


class _Node:
    """A value that is looked for, or that contains such values."""

    def __init__(self) -> None:
        self.asked = False
        self.index: int | None = None
        self.within: dict[str | int, _Node] = {}

    def found(self, key_path: KeyPath, around: int | None) -> Iterator[tuple[KeyPath, int]]:
        """Every key path that was asked for, with its index."""
        index = around if self.index is None else self.index
        if self.asked:
            yield key_path, index or 0
        for step, node in self.within.items():
            yield from node.found((*key_path, step), index)


class _Open:
    """An object or a list that is open.

    Args:
        node: it; None if nothing in it is looked for.
        step: the key or the index of the next value; None where an object's key comes next.
    """

    def __init__(self, node: _Node | None, step: str | int | None) -> None:
        self.node = node
        self.step = step

    def next_value(self) -> _Node | None:
        """The node of the next value."""
        if self.node is None or self.step is None:
            return None
        return self.node.within.get(self.step)


def _find(text: str, document: _Node) -> None:
    """Give each node its index."""
    within: list[_Open] = []
    for start, kind, piece in tokens(text):
        here = within[-1] if within else None
        if kind == "space" or piece == ":":
            continue
        if piece == ",":
            if here is not None:
                here.step = here.step + 1 if isinstance(here.step, int) else None
        elif piece in ("}", "]"):
            within.pop()
        elif here is not None and here.step is None:
            here.step = _key(kind, piece) if here.node is not None else ""
            _set_index(here.next_value(), start)
        else:
            node = document if here is None else here.next_value()
            if here is None or isinstance(here.step, int):
                _set_index(node, start)
            if piece in ("{", "["):
                within.append(_Open(node, 0 if piece == "[" else None))


def _set_index(node: _Node | None, start: int) -> None:
    if node is not None:
        node.index = start


def _key(kind: str, piece: str) -> str:
    if kind == "word" and "\\" not in piece:
        return piece
    quoted = f'"{piece}"' if kind == "word" else piece
    key: str = json.loads(Json5Rewriter(quoted, _NO_DEPTH).json)
    return key
