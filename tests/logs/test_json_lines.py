"""The log as JSON lines."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from enum import IntEnum
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.json_lines import format_json_line, format_untimed_json_line, iso_time
from pipetwist.logs.text_lines import UNSAFE

_TIME = 1_700_000_000.25


def _line(**event: Any) -> dict[str, Any]:
    """The object of an event's line."""
    event.setdefault("log_time", _TIME)
    text = format_json_line(event)
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    found: dict[str, Any] = json.loads(text)
    return found


class LineTest(SynchronousTestCase):
    """One event."""

    def test_untimed(self) -> None:
        """Without the time a line has everything else; nor has it that of Twisted's old
        observers.
        """
        event = {
            "log_time": _TIME,
            "log_level": LogLevel.info,
            "log_namespace": "pipetwist",
            "log_format": "{user} has gone",
            "user": "a",
            "time": 5.0,
            "timeout": 3,
        }
        timed, untimed = (
            json.loads(form(event)) for form in (format_json_line, format_untimed_json_line)
        )
        self.assertEqual(timed.pop("time"), "2023-11-14T22:13:20.250+00:00")
        self.assertEqual(untimed, timed)
        self.assertEqual(untimed["timeout"], 3)

    def test_fields(self) -> None:
        """A line has the time in UTC, the level, where it comes from, the text, and the event's own
        fields.
        """
        line = _line(
            log_level=LogLevel.warn,
            log_namespace="pipetwist",
            log_format="{inbound} took {seconds:.1f} s of {user}",
            inbound="in",
            seconds=1.25,
            user=None,
        )
        self.assertEqual(
            line,
            {
                "time": "2023-11-14T22:13:20.250+00:00",
                "level": "warn",
                "logger": "pipetwist",
                "message": "in took 1.2 s of None",
                "inbound": "in",
                "seconds": 1.25,
                "user": None,
            },
        )

    def test_time(self) -> None:
        """The time can be read back."""
        self.assertEqual(
            datetime.fromisoformat(_line()["time"]), datetime.fromtimestamp(_TIME, timezone.utc)
        )

    def test_one_line(self) -> None:
        """A text with line ends and other languages' letters stays on one line, the letters as they
        are.
        """
        text = format_json_line({"log_time": _TIME, "log_format": "{text}", "text": 'a\nb\r"é"'})
        self.assertEqual(text.count("\n"), 1)
        self.assertIn("é", text)
        self.assertEqual(json.loads(text)["message"], 'a\nb\r"é"')

    def test_others(self) -> None:
        """Another program's or library's event gives its text and not its fields, which may be
        anything.
        """
        self.assertEqual(
            _line(
                log_level=LogLevel.info,
                log_namespace="twisted.web",
                log_format="{secret}",
                secret="text",
            ),
            {
                "time": "2023-11-14T22:13:20.250+00:00",
                "level": "info",
                "logger": "twisted.web",
                "message": "text",
            },
        )

    def test_bare(self) -> None:
        """An event that says nothing of itself has a line too."""
        self.assertEqual(
            _line(),
            {
                "time": "2023-11-14T22:13:20.250+00:00",
                "level": "info",
                "logger": "-",
                "message": "",
            },
        )

    def test_objects(self) -> None:
        """A field that is neither text nor number is in the text alone."""
        line = _line(log_namespace="pipetwist", log_format="{thing}", thing=["a"])
        self.assertEqual(line["message"], "['a']")
        self.assertNotIn("thing", line)

    def test_own_keys(self) -> None:
        """A field of an event never stands in the place of the line's own, nor what an old observer
        leaves in an event.
        """
        line = _line(
            log_level=LogLevel.error,
            log_namespace="pipetwist",
            log_format="text",
            time=1.0,
            level="x",
            logger="y",
            message="z",
            other="w",
        )
        self.assertEqual(
            line,
            {
                "time": "2023-11-14T22:13:20.250+00:00",
                "level": "error",
                "logger": "pipetwist",
                "message": "text",
                "other": "w",
            },
        )

    def test_failure(self) -> None:
        """A failure has its traceback."""
        try:
            raise ValueError("of this")  # noqa: EM101 - it is looked for in the traceback
        except ValueError:
            line = _line(
                log_namespace="pipetwist",
                log_level=LogLevel.critical,
                log_format="It failed",
                log_failure=Failure(),
            )
        self.assertEqual(line["message"], "It failed")
        self.assertIn("ValueError: of this", line["traceback"])

    @given(
        st.dictionaries(
            st.text() | st.sampled_from(("time", "level", "message", "log_x", "traceback", "a")),
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            max_size=6,
        ),
        st.sampled_from((LogLevel.info, LogLevel.error)),
    )
    def test_as_the_encoder(self, fields: dict[str, Any], level: Any) -> None:
        """It has each field as Python's own encoder writes it, in its order."""
        event = {
            **fields,
            "log_time": _TIME,
            "log_level": level,
            "log_namespace": "pipetwist",
            "log_format": "said",
        }
        begin = {
            "time": "2023-11-14T22:13:20.250+00:00",
            "level": level.name,
            "logger": "pipetwist",
            "message": "said",
        }
        own = {
            key: value
            for key, value in fields.items()
            if key not in begin and not key.startswith("log_") and not isinstance(value, bytes)
        }
        line = format_json_line(event)
        # As a text, since nan is not equal to itself.
        self.assertEqual(json.dumps(json.loads(line)), json.dumps(begin | own))
        self.assertIsNone(UNSAFE.search(line.removesuffix("\n")))

    def test_kinds_of_plain_values(self) -> None:
        """A value of a class of its own is written as the number or the text that it is."""

        class Kind(IntEnum):
            THIS = 5

        class Name(str):
            __slots__ = ()

        line = _line(log_namespace="pipetwist", log_format="", kind=Kind.THIS, name=Name("a"))
        self.assertEqual((line["kind"], line["name"]), (5, "a"))

    def test_control_characters(self) -> None:
        """What could steer a terminal, or end a line for some reader, is escaped, and reads back as
        it was.
        """
        harmful = "\x1b[2J\x07\r\x00\x7f\x9b31m\x85\u2028\u2029\u202e"
        text = format_json_line({"log_time": _TIME, "log_format": "{text}", "text": harmful})
        self.assertTrue(text.removesuffix("\n").isprintable(), text)
        self.assertEqual(json.loads(text)["message"], harmful)


class TimeTest(SynchronousTestCase):
    """A time of day."""

    @given(
        st.floats(-1e9, 4e9)
        | st.integers(0, 4 * 10**15).map(lambda number: number / 1e6)
        | st.integers(0, 4 * 10**9).map(lambda number: number - 2e-7)
    )
    def test_as_a_datetime(self, seconds: float) -> None:
        """It is what a datetime has, to the last microsecond."""
        self.assertEqual(
            iso_time(seconds),
            datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds"),
        )
