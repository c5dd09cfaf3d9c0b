"""Rewrites JSON5 as JSON, in one pass over its text. A JSON parser checks the structure of lists
and objects afterwards.

The additions of JSON5 are at https://spec.json5.org: comments, trailing commas, bare keys, single
quotes, more numbers, escapes and spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from os.path import commonprefix

__all__ = [
    "Json5Rewriter",
    "TooDeepError",
    "TooLongError",
    "first_long_number",
    "to_int",
    "tokens",
]

_MAX_NUMBER_LENGTH = 400

_SPACE = r" \t\n\r\v\f\xa0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_HEX = "[0-9a-fA-F]"
_TOKEN = re.compile(
    rf"""
      (?P<space>(?:[{_SPACE}]+|//[^\n\r\u2028\u2029]*|/\*(?s:.*?)\*/)+)
    | (?P<mark>[{{}}\[\],:])
    | (?P<json>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u{_HEX}{{4}})[^"\\\x00-\x1f]*)*")
    | (?P<string>"[^"\\\n\r]*(?:\\(?:\r\n|(?s:.))[^"\\\n\r]*)*"|'[^'\\\n\r]*(?:\\(?:\r\n|(?s:.))[^'\\\n\r]*)*')
    | (?P<word>[^{_SPACE}{{}}\[\],:"'/]+)
    | (?P<stray>(?s:.))
    """,  # noqa: E501  # another language's text
    re.VERBOSE,
)
_JSON_VALUE = re.compile(
    r"null|true|false|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|NaN|-?Infinity"
)
_NUMBER = re.compile(
    rf"([+-]?)(?:(0[xX]{_HEX}+)|(?:(?=\.?[0-9])((?:0|[1-9][0-9]*)?)(\.[0-9]*)?([eE][+-]?[0-9]+)?)|(NaN)|(Infinity))"
)
_BEGUN_NUMBER = re.compile(
    rf"[+-]?(?:0[xX]{_HEX}*|(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:(?<=[0-9.])[eE][+-]?[0-9]*)?)"
)
_NAME = re.compile(rf"(?:[$_]|[^\W\d]|\\u{_HEX}{{4}})(?:[$\w\u200c\u200d]|\\u{_HEX}{{4}})*")
_IN_STRING = re.compile(
    rf"\\(?:u{_HEX}{{4}}|x{_HEX}{{2}}|0(?![0-9])|\r\n|(?s:[^ux0-9]))|[\"\x00-\x1f]|\\"
)
_UNCLOSED = re.compile(r"""(["'])(?:(?!\1)[^\\\n\r]|\\(?s:.))*""")
_VALUES = {"json", "string", "word"}
_VALUES_END = _VALUES | {"}", "]"}
_ESCAPED = {
    "v": "\\u000b",
    "0": "\\u0000",
    "'": "'",
    "\n": "",
    "\r": "",
    "\r\n": "",
    "\u2028": "",
    "\u2029": "",
}


class Json5Error(ValueError):
    """A text that is not valid JSON5, or is refused.

    Args:
        index: where the error is, in characters.
    """

    def __init__(self, index: int) -> None:
        super().__init__(f"this is not JSON5 at character {index}")
        self.index = index


class TooDeepError(ValueError):
    """A text whose lists and objects are nested too deeply.

    Args:
        index: where the first that is too deep begins, in characters.
    """

    def __init__(self, index: int) -> None:
        super().__init__("lists and objects are nested too deeply for a configuration")
        self.index = index


class TooLongError(ValueError):
    """A number that is so long that parsing it would take long.

    Args:
        length: how many digits it has.
    """

    def __init__(self, length: int) -> None:
        super().__init__(f"a number of {length} digits is more than any key takes")


class Json5Rewriter:
    """JSON5 rewritten as JSON. Only errors in single tokens are found here; the JSON parser finds
    the others.

    Args:
        text: the JSON5.
        max_depth: how deeply lists and objects may be nested.

    Raises:
        TooDeepError: they are nested more deeply.
        TooLongError: it contains a number that is too long.
    """

    def __init__(self, text: str, max_depth: int) -> None:
        self._text = text
        self._pieces: list[str] = []
        self.fault: int | None = None
        """The position of the first invalid token; the text before it was rewritten, and the token
        was left out.
        """
        try:
            self._rewrite(max_depth)
        except Json5Error as error:
            self.fault = error.index

    @property
    def json(self) -> str:
        """The JSON."""
        return "".join(self._pieces)

    def _rewrite(self, max_depth: int) -> None:
        pieces = self._pieces
        within: list[str] = []
        last = 0
        # The last token that is not a space, and the one before: a mark, or the token's kind.
        kind = before = ""
        for match in _TOKEN.finditer(self._text):
            piece, group = match[0], match.lastgroup or ""
            if group == "space":
                pieces.append(" ")
                continue
            if group in _VALUES and kind in _VALUES_END:
                raise Json5Error(match.start())
            if group == "mark":
                group = piece
                if piece in "{[":
                    within.append(piece)
                    if len(within) > max_depth:
                        raise TooDeepError(match.start())
                elif piece in "}]":
                    within[-1:] = []
                    if kind == "," and before in _VALUES_END:
                        pieces[last] = ""
            elif group == "word":
                named = within[-1:] == ["{"] and kind in ("{", ",")
                piece = _name(piece, match.start()) if named else _value(piece, match.start())
            elif group == "string":
                piece = _string(piece, match.start())
            elif group == "stray":
                raise Json5Error(_end_of_broken(self._text, match.start()))
            before, kind, last = kind, group, len(pieces)
            pieces.append(piece)

    def index(self, index: int) -> int:
        """The position in the JSON5 for a position in the JSON. An error at the JSON's end belongs
        to the invalid token.
        """
        # a comma before a closing bracket, which was left out: if the bracket is not expected, the
        # error is at the comma
        comma = None
        for match, piece in zip(_TOKEN.finditer(self._text), self._pieces, strict=False):
            if not piece:
                comma = match.start()
            elif index < len(piece):
                return match.start() if comma is None else comma
            elif piece != " ":
                comma = None
            index -= len(piece)
        return len(self._text) if self.fault is None else self.fault


def tokens(text: str) -> Iterator[tuple[int, str, str]]:
    """The tokens of a text, spaces included: the position, the kind and the text of each. Invalid
    ones are ``stray``.
    """
    for match in _TOKEN.finditer(text):
        yield match.start(), match.lastgroup or "", match[0]


def to_int(digits: str, base: int = 10) -> int:
    """Parse an integer, unless it is so long that parsing would take long.

    Raises:
        TooLongError: it is too long.
    """
    if len(digits) > _MAX_NUMBER_LENGTH:
        raise TooLongError(len(digits))
    return int(digits, base)


def first_long_number(text: str) -> int:
    """Where the first number begins that is too long, in characters."""
    for start, kind, piece in tokens(text):
        if kind == "word" and len(piece) > _MAX_NUMBER_LENGTH and piece.lstrip("+-")[:1].isdigit():
            return start
    return 0


def _name(word: str, index: int) -> str:
    match = _NAME.match(word)
    if match is None or match.end() < len(word):
        raise Json5Error(index + (match.end() if match else 0))
    return f'"{word}"'


def _value(word: str, index: int) -> str:
    if _JSON_VALUE.fullmatch(word):
        return word
    match = _NUMBER.match(word)
    if match is None or match.end() < len(word):
        raise Json5Error(index + _begun(word))
    sign, hexadecimal, whole, fraction, exponent, nan, infinity = match.groups()
    sign = sign.strip("+")
    if nan or infinity:
        return nan or sign + infinity
    if hexadecimal:
        return f"{sign}{to_int(hexadecimal, 16)}"
    return sign + (whole or "0") + (f"{fraction}0" if fraction else "") + (exponent or "")


def _begun(word: str) -> int:
    """How many characters of an invalid word could be the beginning of a valid one."""
    sign = word[0] in "+-"
    known = ("NaN", "Infinity") if sign else ("null", "true", "false", "NaN", "Infinity")
    literal = max(len(commonprefix([word[sign:], one])) for one in known)  # noqa: RUF071 - it is characters that are compared
    match = _BEGUN_NUMBER.match(word)
    return max(sign + literal, match.end() if match else 0)


def _string(written: str, index: int) -> str:
    """Rewrite a string as JSON. Numeric escapes are kept, so that the JSON parser joins surrogate
    pairs.
    """

    def rewrite(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] != "\\":
            return _numbered(found)
        escaped = found[1:]
        if not escaped:
            raise Json5Error(index + 2 + match.start())
        if escaped[0] == "x":
            return f"\\u00{escaped[1:]}"
        if escaped[0] in 'u"\\/bfnrt':
            return found
        return (
            _ESCAPED[escaped]
            if escaped in _ESCAPED
            else _numbered(escaped)
            if escaped < " "
            else escaped
        )

    return f'"{_IN_STRING.sub(rewrite, written[1:-1])}"'


def _numbered(character: str) -> str:
    return f"\\u{ord(character):04x}"


def _end_of_broken(text: str, start: int) -> int:
    """Where an unterminated string or comment turns out to be one; for other tokens the position
    itself.
    """
    unclosed = _UNCLOSED.match(text, start)
    if unclosed is not None:
        return unclosed.end()
    if text.startswith("/*", start):
        return len(text)
    return start + text.startswith("/", start)
