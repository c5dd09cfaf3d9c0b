"""Lines of events whose formats are plain: to the letter those that the usual way makes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent, LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.json_lines import format_json_line, format_untimed_json_line
from pipetwist.logs.plain_format import PlainFormat
from pipetwist.logs.plain_lines import FormatLine, json_lines, text_lines
from pipetwist.logs.text_lines import format_text_line, format_untimed_text_line

_FORM = PlainFormat("{id:d} 100%: {user} for {seconds:.3f}s")
_WAYS: dict[str, tuple[FormatLine, FormatLine]] = {
    "text": (text_lines(timed=True), format_text_line),
    "untimed text": (text_lines(timed=False), format_untimed_text_line),
    "JSON": (json_lines(timed=True), format_json_line),
    "untimed JSON": (json_lines(timed=False), format_untimed_json_line),
}
_TEXTS = st.text() | st.text('ab"\\\n\t\x7f\x85\u2028\u00e9%{}')
_EVENTS = st.fixed_dictionaries(
    {
        "id": st.integers(),
        "user": _TEXTS,
        "seconds": st.floats(allow_nan=False, allow_infinity=False),
        "log_format": st.just(_FORM),
        "log_level": st.sampled_from((LogLevel.info, LogLevel.warn)),
        "log_namespace": st.sampled_from(("pipetwist", "pipetwist.other", "pipetwist\x1b")),
        "log_time": st.floats(0, 4e9) | st.integers(0, 30).map(lambda tenth: 9.9995 + tenth / 1e4),
    }
).map(lambda event: {key: event[key] for key in ("id", "user", "seconds", *event)})  # in order


class PlainLinesTest(SynchronousTestCase):
    """Events one after the other."""

    @given(st.lists(_EVENTS, max_size=5), st.sampled_from(sorted(_WAYS)))
    def test_same(self, events: list[LogEvent], way: str) -> None:
        """Each line is the one that is made in the usual way, whatever stands in it and whatever
        came before.
        """
        quick, usual = _WAYS[way]
        for event in events:
            self.assertEqual(quick(event), usual(event))

    def test_used(self) -> None:
        """The usual way is not taken where nothing is escaped, nor is the time written anew within
        its moment.
        """
        event = {
            "id": 1,
            "user": "\u00e9ric",
            "seconds": 0.5,
            "log_format": _FORM,
            "log_level": LogLevel.info,
            "log_namespace": "pipetwist",
            "log_time": 9.2505,
        }
        for make in (text_lines, json_lines):
            made: list[str] = []
            lines: Any = make(timed=True)
            begin = lines._begin
            lines._begin = lambda event, begin=begin, made=made: (
                made.append("begin") or begin(event)
            )
            lines._format_line = lambda _, made=made: made.append("usual")
            first = lines(event)
            self.assertIn("1 100%: \u00e9ric for 0.500s", first)
            self.assertEqual((lines(event), made), (first, ["begin"]))
            for change in (
                {"log_time": 10.2505},
                {"log_level": LogLevel.warn},
                {"log_namespace": "pipetwist.other"},
            ):
                self.assertNotEqual(lines(event | change), lines(event))
            self.assertNotIn("usual", made)
            lines(event | {"user": "\x1b"})
            self.assertEqual(made[-1], "usual")

    def test_others(self) -> None:
        """Another event, and one that lacks something, is left to the usual way."""
        whole = {
            "id": 1,
            "user": "eric",
            "seconds": 0.5,
            "log_format": _FORM,
            "log_level": LogLevel.info,
            "log_namespace": "pipetwist",
            "log_time": 9.2505,
        }
        for quick, usual in _WAYS.values():
            for event in (
                whole | {"log_format": "{user} alone"},
                whole | {"id": "text"},
                whole | {"log_level": None},
                {key: value for key, value in whole.items() if key != "user"},
                {key: value for key, value in whole.items() if key != "log_namespace"},
            ):
                self.assertEqual(
                    *(str(make(event)).partition("Unable")[0] for make in (quick, usual))
                )

    def test_repr(self) -> None:
        """It says whose lines it makes."""
        self.assertEqual(repr(text_lines(timed=False)), "<PlainLines format_untimed_text_line>")


class PlainFormatTest(SynchronousTestCase):
    """What a format may have."""

    def test_any_other(self) -> None:
        """For Twisted it is a format as any other."""
        event = {"log_format": _FORM, "id": 5, "user": "a", "seconds": 1}
        self.assertEqual(formatEvent(event), "5 100%: a for 1.000s")
        self.assertEqual(_FORM.text % _FORM.values(event), formatEvent(event))

    def test_refused(self) -> None:
        """A field that may be anything is refused, and a format with fewer than two."""
        for form in ("{a} {b!r}", "{a} {b.c}", "{a} {b:>5}", "{a} {}", "{a} {b()}", "{a}", "none"):
            error = self.assertRaises(ValueError, PlainFormat, form)
            self.assertIn(form, str(error))
