"""The log as text lines, in Twisted's format, in which data from outside can't control a terminal
or look like another line.
"""

from __future__ import annotations

import re

from twisted.logger import LogEvent, formatEventAsClassicLogText

from pipetwist.logs.event_text import event_text, local_time

__all__ = ["UNSAFE", "escape", "format_text_line", "format_untimed_text_line"]

UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters except tab and newline, other line ends, and characters that change the
direction of text (Unicode, UAX 9).
"""


def format_text_line(event: LogEvent) -> str | None:
    """Format one event as Twisted does. Further lines of its text begin with a tab. None if it has
    no text.
    """
    when, level = event.get("log_time"), event.get("log_level")
    if type(when) is not float or level is None or _is_rare(event):
        text = formatEventAsClassicLogText(event)
        return None if text is None else escape(text)
    line = _line(event, level.name)
    return None if line is None else f"{local_time(when)} {line}"


def format_untimed_text_line(event: LogEvent) -> str | None:
    """Format one event so, without the time, which another program adds."""
    level = event.get("log_level")
    if level is None or _is_rare(event):
        text = formatEventAsClassicLogText(event, formatTime=lambda _: "")
        return None if text is None else escape(text.lstrip(" "))
    return _line(event, level.name)


def _is_rare(event: LogEvent) -> bool:
    """Whether Twisted has to format it."""
    return "log_failure" in event or "log_system" in event


def _line(event: LogEvent, level: str) -> str | None:
    text = event_text(event)
    if not text:
        return None
    if not text.isprintable():
        text = escape(text.replace("\n", "\n\t"))
    place = f"[{event.get('log_namespace', '-')}#{level}]"
    return f"{place if place.isprintable() else escape(place)} {text}\n"


def escape(text: str) -> str:
    """Replace dangerous characters by their numbers."""
    return UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
