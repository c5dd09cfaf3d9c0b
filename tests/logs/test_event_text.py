"""Events as text, quicker than Twisted and to the letter as Twisted has them."""

from __future__ import annotations

import os
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import (
    LogLevel,
    eventAsJSON,
    eventFromJSON,
    formatEvent,
    formatEventAsClassicLogText,
    formatTime,
)
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.event_text import event_text, local_time
from pipetwist.logs.text_lines import escape, format_text_line


class _Raises:
    """A value that can't be shown."""

    def __str__(self) -> str:
        raise ValueError(self.__class__)


_VALUES = st.one_of(
    st.text(), st.integers(), st.floats(), st.none(), st.binary(), st.builds(_Raises)
)
_PARTS = st.sampled_from(
    (
        *("{a}", "{b!r}", "{a:>9}", "{b:.3f}", "{c.real}", "{c[0]}", "{nothing}", "{}", "{0}"),
        *("{", "}", "{{", "}}", "{f()}", "{a()}", "(", "()", "{a!s:5}", "{a:{b}}"),
        *("\n", "\x1b", "\u2028", "text"),
    )
)
_FORMATS = st.one_of(
    st.lists(_PARTS, max_size=4).map("".join), st.text(), st.binary(), st.none(), st.integers()
)
_FIELDS = st.fixed_dictionaries({"a": _VALUES, "b": _VALUES, "c": _VALUES})


def _called() -> str:
    return "called"


class EventTextTest(SynchronousTestCase):
    """The text of an event."""

    @given(_FORMATS, _FIELDS)
    def test_as_twisted(self, text: object, fields: dict[str, Any]) -> None:
        """It is Twisted's, whatever the format and the fields, and where Twisted says that they
        can't be formatted.
        """
        event = {"log_format": text, "f": _called, **fields}
        self.assertEqual(_plain(event_text(event)), _plain(formatEvent(event)))

    def test_flattened(self) -> None:
        """An event that was kept as JSON has its fields as they were."""
        event = eventFromJSON(eventAsJSON({"log_format": "{a.real} {a.imag}", "a": 5 + 2j}))
        self.assertEqual(event_text(event), "5.0 2.0")

    @given(
        _FORMATS,
        _FIELDS,
        st.floats(-1e9, 4e9),
        st.one_of(st.none(), st.text()),
        st.one_of(st.none(), st.sampled_from(list(LogLevel.iterconstants()))),
    )
    def test_line_as_twisted(
        self, text: object, fields: dict[str, Any], when: float, system: str | None, level: Any
    ) -> None:
        """So is its line, but for what is harmful."""
        event = {
            **fields,
            "f": _called,
            "log_format": text,
            "log_time": when,
            "log_level": level,
            "log_namespace": "a\x1b",
            **({} if system is None else {"log_system": system}),
        }
        line = formatEventAsClassicLogText(event)
        self.assertEqual(
            _plain(format_text_line(event) or ""), _plain("" if line is None else escape(line))
        )


class LocalTimeTest(SynchronousTestCase):
    """The time of a line."""

    @given(st.one_of(st.floats(-1e9, 4e9), st.integers(-(10**9), 4 * 10**9).map(float)))
    def test_as_twisted(self, when: float) -> None:
        """It is Twisted's."""
        self.assertEqual(local_time(when), formatTime(when))

    def test_rounded(self) -> None:
        """The last half of a microsecond of a second is the next one's, as there."""
        for when in (1_700_000_000.9999996, 1_700_000_000.999999, -0.5, -1e-7):
            self.assertEqual(local_time(when), formatTime(when), when)

    def test_summer(self) -> None:
        """Where clocks are put forward the next second has another zone."""
        zone = os.environ.get("TZ")

        def restore() -> None:
            os.environ.pop("TZ", None)
            if zone is not None:
                os.environ["TZ"] = zone
            time.tzset()

        self.addCleanup(restore)
        os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
        time.tzset()
        self.assertEqual(
            [local_time(when) for when in (1774745999.5, 1774746000.5)],
            ["2026-03-29T01:59:59+0100", "2026-03-29T03:00:00+0200"],
        )


def _plain(text: str) -> str:
    """The text, without where objects are in memory."""
    return text.partition("Unable to format event")[0]
