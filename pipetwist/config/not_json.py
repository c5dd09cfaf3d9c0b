"""Says what is wrong where a text is no JSON5: a bracket or a comma that is missing, a comment, a
quotation mark or a word of another language, a number that JSON does not have.
"""

from __future__ import annotations

import re

from pipetwist.config.from_json5 import tokens
from pipetwist.config.places import place_of_index
from pipetwist.config.unclosed import innermost_open
from pipetwist.values import quote

__all__ = ["describe"]

_TYPOGRAPHIC = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\uff02\uff07"
_LEADING_ZERO = re.compile(r"0[0-9]+")
_IN_WORD = re.compile(r"[\w$.-]")
_WORD = re.compile(r"[A-Za-z_$][\w$.-]*")
_OF_PYTHON = {"None": "null", "True": "true", "False": "false"}
_VALUES = ("json", "string", "word")


def describe(text: str, index: int) -> str:
    """Say what is wrong at a position of a text, which is valid up to there.

    Args:
        text: the text.
        index: the position, in characters.
    """
    character = text[index : index + 1]
    found = quote(character) if character else "the end of the file"
    unclosed = innermost_open(text, index)
    if unclosed is not None and _is_missing(unclosed.end, text, index):
        begun = f"the {unclosed.kind} that began at {place_of_index(text, unclosed.start)}"
        return f"{found} comes before {begun} is closed: a {quote(unclosed.end)} is missing"
    if character == "#":
        return f'{found} begins no comment in JSON; write it as "// ..."'
    if character and character in _TYPOGRAPHIC:
        return f"{found} is a typographic quotation mark; write {quote(chr(34))}, which is straight"
    number = _LEADING_ZERO.match(text, index - 1) if index else None
    if number is not None:
        return (
            f"{number[0]} is no number in JSON, since it begins with 0; write it between quotes, "
            f'"{number[0]}", if it is a file mode'
        )
    if unclosed is None:
        return _outside(text, index, found)
    if character == "=":
        return '"=" is no mark of JSON; write ":" between a key and its value'
    missing = _missing_mark(text, index)
    if missing is not None:
        return f'a "{missing}" is missing before {found}'
    if unclosed.kind == "text" and character in "\r\n":
        return f"the line ends before its text does: a {quote(unclosed.end)} is missing"
    if text[index - 1] == "\\":
        return f'"\\" and {found} are no escape in a text; write "\\\\" for a backslash'
    return _of_word(text, index) or f"{found} is not valid JSON here"


def _outside(text: str, index: int, found: str) -> str:
    """What is wrong before or behind the document."""
    begun = any(start < index and kind != "space" for start, kind, _ in tokens(text))
    if begun:
        return (
            f"the document has ended before {found}; a file has one object, and then only comments"
        )
    if index == len(text):
        return "there is nothing in the file but comments"
    return f"{found} is not valid JSON here"


def _of_word(text: str, index: int) -> str | None:
    """What is wrong with a bare word; None if there is none at the position."""
    start = index
    while start and _IN_WORD.match(text, start - 1):
        start -= 1
    word = _WORD.match(text, start)
    if word is None or word.end() <= index:
        return None
    constant = _OF_PYTHON.get(word[0])
    if constant is not None:
        return f"{word[0]} is no word of JSON; write {constant}"
    return f"{word[0]} is no word of JSON; write it between quotes, {quote(word[0])}"


def _is_missing(end: str, text: str, index: int) -> bool:
    """Whether an error at a position is caused by a missing closing bracket or quote."""
    character = text[index : index + 1]
    if character in ("}", "]"):
        return end in "}]" and end != character
    # After a comma in an object there must be a name.
    return not character or (
        character in "{[" and end == "}" and text[:index].rstrip().endswith(",")
    )


def _missing_mark(text: str, index: int) -> str | None:
    """The comma or the colon that is missing between two values; None if it is not that."""
    within: list[str] = []
    before = last = ""
    for start, kind, piece in tokens(text):
        if kind == "space":
            continue
        if start >= index:
            begins_value = start == index and (kind in _VALUES or piece in ("{", "["))
            if not begins_value or last not in ("value", "}", "]"):
                return None
            is_name = within[-1:] == ["{"] and last == "value" and before in ("{", ",")
            return ":" if is_name else ","
        if piece in ("{", "["):
            within.append(piece)
        elif piece in ("}", "]"):
            within[-1:] = []
        before, last = last, "value" if kind in _VALUES else piece
    return None
