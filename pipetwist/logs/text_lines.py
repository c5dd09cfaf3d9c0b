"""The log as lines for people: Twisted's own, in which nothing that comes from outside can steer a
terminal or look like another line.
"""

from __future__ import annotations

import re

from twisted.logger import LogEvent, formatEventAsClassicLogText, formatTime

__all__ = ["UNSAFE", "escape", "format_text_line"]

UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters but for a tab and a line's end, other ends of a line, and what turns the
direction of text (Unicode, UAX 9).
"""


def format_text_line(event: LogEvent) -> str | None:
    """One event as Twisted writes it, with the rest of a text of several lines behind a tab each;
    None where it says nothing.
    """
    text = formatEventAsClassicLogText(event, formatTime)
    return None if text is None else escape(text)


def escape(text: str) -> str:
    """Write what could do harm by its number."""
    return UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
