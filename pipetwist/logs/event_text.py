"""The text and the time of an event of the log, as Twisted has them, but quicker: every connection
has a line, and Twisted's formatter, which is written in Python, took most of its time.
"""

from __future__ import annotations

from functools import lru_cache

from twisted.logger import LogEvent, formatEvent, formatTime

__all__ = ["event_text", "local_time"]

# Twisted rounds a time to microseconds.
_ROUNDS_UP = 1 - 1e-6


def event_text(event: LogEvent) -> str:
    """The text of an event, as ``twisted.logger.formatEvent`` has it."""
    text = event.get("log_format")
    # Only Twisted can call what a field names; whatever else is wrong, it has words for it.
    if isinstance(text, str) and "(" not in text and "log_flattened" not in event:
        try:
            return text.format_map(event)
        except Exception:  # noqa: BLE001, S110 - a value's own, too
            pass
    return formatEvent(event)


def local_time(when: float) -> str:
    """A time of day in seconds since 1970, as ``twisted.logger.formatTime`` has it."""
    second = int(when)
    if 0 <= when - second < _ROUNDS_UP:
        return _local_second(second)
    return formatTime(when)


@lru_cache(maxsize=4)
def _local_second(second: int) -> str:
    return formatTime(float(second))
