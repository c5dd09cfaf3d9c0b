"""Finds the open bracket, string or comment at a position of a JSON5 text: people look for the
bracket that is missing, not for the place where that is noticed.
"""

from __future__ import annotations

from typing import NamedTuple

from pipetwist.config.from_json5 import tokens

__all__ = ["Open", "innermost_open"]

_ENDS = {"{": "}", "[": "]", '"': '"', "'": "'", "/": "*/"}
_KINDS = {"{": "object", "[": "list", '"': "text", "'": "text", "/": "comment"}


class Open(NamedTuple):
    """Something that has begun and is not closed.

    Attributes:
        kind: what it is.
        start: where it began, in characters.
        end: what would close it.
    """

    kind: str
    start: int
    end: str


def innermost_open(text: str, index: int) -> Open | None:
    """The innermost thing that is open just before a position.

    Args:
        text: the text, which is valid up to there.
        index: the position, in characters.
    """
    brackets: list[int] = []
    for start, group, piece in tokens(text):
        if start >= index:
            break
        if group == "mark" and piece in "{[":
            brackets.append(start)
        elif group == "mark" and piece in "}]" and brackets:
            brackets.pop()
        elif group == "stray" and piece in _ENDS:
            brackets.append(start)
            break
    if not brackets:
        return None
    began = text[brackets[-1]]
    return Open(_KINDS[began], brackets[-1], _ENDS[began])
