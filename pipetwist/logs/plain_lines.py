"""Lines of events whose formats are plain, in half the time that others take."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring
from math import inf

from twisted.logger import LogEvent

from pipetwist.logs.event_text import local_time
from pipetwist.logs.json_lines import format_json_line, format_untimed_json_line, iso_time
from pipetwist.logs.plain_format import PlainFormat
from pipetwist.logs.text_lines import escape, format_text_line, format_untimed_text_line

__all__ = ["FormatLine", "PlainLines", "json_lines", "text_lines"]

FormatLine = Callable[[LogEvent], "str | None"]
"""Makes the line of an event; None if it has none."""

# Within so many seconds of a moment's ends, a time may be rounded to the next one.
_ROUNDED = 1e-6


class PlainLines:
    """Makes the line of any event, and those of events with a `PlainFormat` in a way of their own.
    What lines begin with is made once for each moment.

    Args:
        format_line: makes the same lines in the usual way.
        begin: makes what the line of an event begins with.
        finish: makes the line, of this beginning; None if something in it has to be escaped.
        moments: how many moments a second has; 0 if the lines have no time.
    """

    def __init__(
        self,
        format_line: FormatLine,
        begin: Callable[[LogEvent], str],
        finish: Callable[[str, PlainFormat, LogEvent], str | None],
        moments: int,
    ) -> None:
        self._format_line = format_line
        self._begin = begin
        self._finish = finish
        self._moments = moments
        # When it is right, for which level and which namespace, and the text: in one, since any
        # thread may log.
        self._kept: tuple[float, float, object, object, str] = (0.0, 0.0, None, None, "")

    def __repr__(self) -> str:
        return f"<PlainLines {self._format_line.__name__}>"

    def __call__(self, event: LogEvent) -> str | None:
        form = event.get("log_format")
        if type(form) is not PlainFormat:
            return self._format_line(event)
        try:
            first, end, level, namespace, begin = self._kept
            if (
                not first <= event["log_time"] < end
                or event["log_level"] is not level
                or event["log_namespace"] is not namespace
            ):
                begin = self._keep(event)
            line = self._finish(begin, form, event)
        except Exception:  # noqa: BLE001 - something is missing; the usual way has words for it
            line = None
        return self._format_line(event) if line is None else line

    def _keep(self, event: LogEvent) -> str:
        """What an event's line begins with, and is kept for those that follow."""
        when, begin = event["log_time"], self._begin(event)
        first, end = -inf, inf
        if self._moments:
            moment = int(when * self._moments)
            first = moment / self._moments + _ROUNDED
            end = (moment + 1) / self._moments - _ROUNDED
        if first <= when < end:
            self._kept = (first, end, event["log_level"], event["log_namespace"], begin)
        return begin


def text_lines(*, timed: bool) -> PlainLines:
    """What makes text lines.

    Args:
        timed: whether they begin with the time.
    """
    if timed:
        return PlainLines(format_text_line, _timed_text_begin, _text_line, 1)
    return PlainLines(format_untimed_text_line, _text_begin, _text_line, 0)


def json_lines(*, timed: bool) -> PlainLines:
    """What makes JSON lines.

    Args:
        timed: whether they have the time.
    """
    if timed:
        return PlainLines(format_json_line, _timed_json_begin, _json_line, 1000)
    return PlainLines(format_untimed_json_line, _json_begin, _json_line, 0)


def _text_begin(event: LogEvent) -> str:
    return escape(f"[{event['log_namespace']}#{event['log_level'].name}] ")


def _timed_text_begin(event: LogEvent) -> str:
    return f"{local_time(event['log_time'])} {_text_begin(event)}"


def _text_line(begin: str, form: PlainFormat, event: LogEvent) -> str | None:
    text = form.text % form.values(event)
    return f"{begin}{text}\n" if text.isprintable() else None


def _json_begin(event: LogEvent) -> str:
    return f"{{{_json_place(event['log_level'].name, event['log_namespace'])}"


def _timed_json_begin(event: LogEvent) -> str:
    place = _json_place(event["log_level"].name, event["log_namespace"])
    return f'{{"time": "{iso_time(event["log_time"])}", {place}'


@lru_cache(maxsize=16)
def _json_place(level: str, namespace: str) -> str:
    written = json.dumps({"level": level, "logger": namespace}, ensure_ascii=False)
    return f'{written[1:-1]}, "message": '


def _json_line(begin: str, form: PlainFormat, event: LogEvent) -> str | None:
    values = form.values(event)
    text = form.text % values
    written = encode_basestring(text)
    # The text has all fields: where nothing in it is escaped nothing in them is. What is left is a
    # character that harms a terminal.
    if len(written) != len(text) + 2 or not (
        "\x7f" not in text if text.isascii() else text.isprintable()
    ):
        return None
    return f"{begin}{written}{form.fields % values}}}\n"
