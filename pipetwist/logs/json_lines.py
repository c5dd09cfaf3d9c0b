"""The log as JSON, one object on each line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache

from twisted.logger import LogEvent

from pipetwist.logs.event_text import event_text
from pipetwist.logs.text_lines import UNSAFE

__all__ = ["format_json_line", "format_untimed_json_line", "iso_time", "json_line"]

_PLAIN = (str, int, float, bool, type(None))
_encode = json.JSONEncoder(ensure_ascii=False).encode


def format_json_line(event: LogEvent) -> str:
    """One event as a line: ``time``, ``level``, ``logger``, ``message``, then the event's own
    fields.
    """
    return _line(event, {"time": iso_time(event["log_time"])})


def format_untimed_json_line(event: LogEvent) -> str:
    """One event as such a line without ``time``, which another program adds."""
    return _line(event, {})


def _line(event: LogEvent, begin: dict[str, object]) -> str:
    line = {
        **begin,
        "level": getattr(event.get("log_level"), "name", "info"),
        "logger": event.get("log_namespace", "-"),
        "message": event_text(event),
    }
    if "log_failure" in event:
        line["traceback"] = event["log_failure"].getTraceback()
    if event.get("log_namespace", "").startswith("pipetwist"):
        # The line's own keys are not overwritten: Twisted's old observers leave "time" and others
        # in the event.
        line |= {
            key: value
            for key, value in event.items()
            if key not in line
            and key != "time"
            and not key.startswith("log_")
            and isinstance(value, _PLAIN)
        }
    return json_line(line)


def iso_time(seconds: float) -> str:
    """A time, given in seconds since 1970, as ISO 8601 has it, in UTC with milliseconds."""
    second = int(seconds)
    # A datetime is rounded to microseconds, and then cut off.
    millisecond = int((seconds - second) * 1e6 + 0.5) // 1000
    if 0 <= millisecond < 1000 and seconds >= 0:
        return f"{_iso_second(second)}.{millisecond:03d}+00:00"
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


@lru_cache(maxsize=4)
def _iso_second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, timezone.utc):%Y-%m-%dT%H:%M:%S}"


def json_line(fields: Mapping[str, object]) -> str:
    """An object as a line of text, in which nothing controls a terminal."""
    text = _encode(fields)
    return f"{text if text.isprintable() else UNSAFE.sub(_escaped, text)}\n"


def _escaped(match: re.Match[str]) -> str:
    # Characters below a space are already escaped, so this is inside a string.
    return f"\\u{ord(match[0]):04x}"
