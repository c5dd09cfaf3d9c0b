"""Reads keys from a terminal, when they are pressed."""

from __future__ import annotations

import codecs
import os
import re
import sys
from typing import Any

if sys.platform != "win32":  # which has neither
    import termios
    import tty

__all__ = ["ESCAPE_SECONDS", "Keyboard", "Keys"]

ESCAPE_SECONDS = 0.1
"""What has not come by then, after the byte that the key Esc sends, belongs to another key."""

_ESCAPE = b"\x1b"
# CSI and SS3 of ECMA-48, as xterm's ctlseqs has keys, and what the Linux console has instead.
_SEQUENCE = re.compile(rb"\x1b(?:\[\[.|[\[O]([0-9]*)[0-9;]*([A-Za-z~]))", re.DOTALL)
_BEGUN = re.compile(rb"\x1b(?:\[\[?|[\[O][0-9;]*)?\Z")
_BY_LETTER = {
    b"A": "up",
    b"B": "down",
    b"C": "right",
    b"D": "left",
    b"H": "home",
    b"F": "end",
    b"Z": "back-tab",
}
_BY_NUMBER = {
    b"1": "home",
    b"4": "end",
    b"5": "page-up",
    b"6": "page-down",
    b"7": "home",
    b"8": "end",
}
_CONTROLS = {"\t": "tab", "\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace"}


class Keys:
    """Takes keys out of the bytes that a terminal sends, however they are divided.

    A key is the character that it types, or a name: ``up``, ``down``, ``left``, ``right``,
    ``page-up``, ``page-down``, ``home``, ``end``, ``tab``, ``back-tab``, ``enter``, ``backspace``,
    ``escape``, or ``ctrl-`` and a letter. Others are left out.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __repr__(self) -> str:
        return f"<Keys, {self._rest!r} begun>"

    @property
    def has_begun(self) -> bool:
        """Whether what came last may be the beginning of more."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """The keys that these bytes complete."""
        data = self._rest + data
        keys: list[str] = []
        while data:
            before, escape, _ = data.partition(_ESCAPE)
            keys += self._typed(before)
            data = data[len(before) :]
            if not escape:
                break
            sequence = _SEQUENCE.match(data)
            if sequence is not None:
                key = _named(*sequence.groups())
                keys += [key] if key else []
                data = data[sequence.end() :]
            elif _BEGUN.match(data):
                break
            else:
                keys.append("escape")
                data = data[1:]
        self._rest = data
        return keys

    def end(self) -> list[str]:
        """Nothing more has come: what had begun is a key by itself."""
        rest, self._rest = self._rest, b""
        return ["escape", *self._typed(rest[1:])] if rest else []

    def _typed(self, data: bytes) -> list[str]:
        return [_typed(character) for character in self._decoder.decode(data)]


def _named(number: bytes | None, letter: bytes | None) -> str | None:
    if letter == b"~":
        return _BY_NUMBER.get(number or b"")
    return _BY_LETTER.get(letter or b"")


def _typed(character: str) -> str:
    if character in _CONTROLS:
        return _CONTROLS[character]
    return f"ctrl-{chr(ord(character) + 96)}" if "\0" < character < "\x1b" else character


class Keyboard:
    """Standard input, read key by key from `start` to `stop`. If it is not a terminal there are no
    keys.
    """

    def __init__(self) -> None:
        self._modes: list[Any] | None = None  # as termios says it
        self._keys = Keys()

    @property
    def is_on(self) -> bool:
        """Whether keys are read."""
        return self._modes is not None

    @property
    def has_begun(self) -> bool:
        """Whether a key may be incomplete."""
        return self._keys.has_begun

    def start(self) -> None:
        """Read keys without waiting for the end of a line, and don't echo them. Ctrl-C and Ctrl-Z
        work as usual.
        """
        if sys.platform != "win32" and sys.stdin.isatty():
            self._modes = self._modes or termios.tcgetattr(sys.stdin.fileno())
            # By default it would drop what was typed before.
            tty.setcbreak(sys.stdin.fileno(), termios.TCSADRAIN)

    def stop(self) -> None:
        """Restore the terminal."""
        if sys.platform != "win32" and self._modes is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._modes)
            self._modes = None

    def read(self) -> list[str]:
        """The keys that were pressed, once there is something to read; see `Keys`.

        Raises:
            KeyboardInterrupt: the terminal is gone.
        """
        try:
            data = os.read(sys.stdin.fileno(), 4096)
        except OSError:
            data = b""
        if not data:
            raise KeyboardInterrupt
        return self._keys.feed(data)

    def end(self) -> list[str]:
        """Nothing more has come of a key that may be incomplete."""
        return self._keys.end()
