"""The log as lines for people."""

from __future__ import annotations

import unicodedata
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.text_lines import (
    escape,
    format_text_line,
    format_untimed_text_line,
)


def _line(text: str, **event: Any) -> str | None:
    return format_text_line(
        {
            "log_time": 1_700_000_000.25,
            "log_level": LogLevel.info,
            "log_namespace": "pipetwist",
            "log_format": text,
            **event,
        }
    )


class TextLineTest(SynchronousTestCase):
    """One event."""

    def test_line(self) -> None:
        """It is Twisted's own line: the time, where it comes from, its level, the text."""
        line = _line("{user} has gone", user="\u00e9ric")
        assert line is not None
        self.assertRegex(
            line, r"^2023-11-1\dT\d\d:\d\d:20[+-]\d{4} \[pipetwist#info\] \u00e9ric has gone\n$"
        )

    def test_untimed(self) -> None:
        """Without the time it is the same from where it comes on, a traceback too."""
        try:
            raise ValueError
        except ValueError:
            failure = Failure()
        for more in ({}, {"log_failure": failure}, {"log_system": "a system"}, {"log_level": None}):
            event = {
                "log_time": 1_700_000_000.25,
                "log_level": LogLevel.info,
                "log_namespace": "pipetwist",
                "log_format": "{user} has gone",
                "user": "a",
                **more,
            }
            timed = format_text_line(event)
            assert timed is not None
            self.assertEqual(format_untimed_text_line(event), timed.partition(" ")[2])
        self.assertIsNone(format_untimed_text_line({"log_level": LogLevel.info, "log_format": ""}))

    def test_several_lines(self) -> None:
        """The rest of a text of several lines, such as a traceback, is behind a tab, so that
        nothing looks like a line of its own.
        """
        try:
            raise ValueError("of this\n2026")  # noqa: EM101 - it is looked for in the traceback
        except ValueError:
            line = _line("It failed", log_failure=Failure())
        assert line is not None
        first, *others = line.removesuffix("\n").split("\n")
        self.assertTrue(first.endswith("It failed"))
        self.assertIn("\t2026", others)
        self.assertEqual({other[0] for other in others}, {"\t"})

    def test_nothing(self) -> None:
        """An event without a text has no line."""
        self.assertIsNone(_line(""))

    def test_harmful(self) -> None:
        """A field from outside can neither steer a terminal, nor hide what is before it, nor look
        like another line.
        """
        line = _line(
            "cannot connect: {reason}", reason="\x1b[2J\x07\r\x00\x7f\x9b\x85\u2028\u2029\u202e"
        )
        assert line is not None
        self.assertTrue(
            line.endswith(
                r"cannot connect: \x1b[2J\x07\x0d\x00\x7f\x9b\x85\u2028\u2029\u202e" + "\n"
            ),
            line,
        )


class EscapeTest(SynchronousTestCase):
    """What is escaped."""

    @given(st.text())
    def test_no_control(self, text: str) -> None:
        """Nothing that is a control character but a tab and a line's end, and no other end of a
        line, is left.
        """
        escaped = escape(text)
        self.assertEqual(
            {letter for letter in escaped if unicodedata.category(letter) in ("Cc", "Zl", "Zp")}
            - {"\t", "\n"},
            set(),
        )

    @given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
    def test_others_stay(self, text: str) -> None:
        """Every other letter of every language stays as it is."""
        self.assertEqual(escape(text), text)
