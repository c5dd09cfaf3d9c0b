"""Durations: what is taken, what is refused, and that what is written is read back."""

from __future__ import annotations

import math
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.durations import MAX_DURATION, Grace, format_duration, parse_duration
from tests.support.documents import problems, read, small


class DurationsTest(SynchronousTestCase):
    """How durations are written."""

    def test_units(self) -> None:
        """Every unit of sing-box is known, and both of Unicode's signs for micro."""
        written = {
            "5s": 5,
            "2m": 120,
            "1h": 3600,
            "1d": 86400,
            "500ms": 0.5,
            "3us": 3e-6,
            "3µs": 3e-6,
            "3\u03bcs": 3e-6,
            "7ns": 7e-9,
        }
        for text, seconds in written.items():
            self.assertAlmostEqual(parse_duration(text), seconds, places=12, msg=text)

    def test_parts_add_up(self) -> None:
        """Parts with units stand one after another, and may have fractions."""
        self.assertEqual(parse_duration("1m30s"), 90)
        self.assertEqual(parse_duration("1.5h"), 5400)
        self.assertEqual(parse_duration("1d.5m2.s"), 86400 + 30 + 2)

    def test_refused(self) -> None:
        """Whatever has no unit, a sign, a space or another type is refused, and the message shows
        how to write one.
        """
        texts = ("", "5", "5 s", "-5s", "+5s", "s", ".s", "5x", "5s ", "1e3s", "5S", "\u0665s")
        others: tuple[object, ...] = (5, 5.0, None, True, ["5s"], {})
        for raw in (*texts, *others):
            error = self.assertRaises(ValueError, parse_duration, raw)
            self.assertIn('such as "5s"', str(error), raw)

    def test_nothing(self) -> None:
        """A duration of nothing is refused."""
        for raw in ("0s", "0h0m", ".0s"):
            self.assertIn("longer than 0", str(self.assertRaises(ValueError, parse_duration, raw)))

    def test_too_long(self) -> None:
        """A duration that Go could not hold is refused, however many digits it has."""
        for raw in ("106752d", "9" * 400 + "h"):
            self.assertIn("292 years", str(self.assertRaises(ValueError, parse_duration, raw)))

    def test_format(self) -> None:
        """Whole seconds are written in hours, minutes and seconds."""
        written = {
            5.0: "5s",
            300.0: "5m",
            5400.0: "1h30m",
            3661.0: "1h1m1s",
            0.25: "250ms",
            1e-9: "0.000000001s",
        }
        self.assertEqual({seconds: format_duration(seconds) for seconds in written}, written)

    @settings(deadline=None)
    @given(
        st.floats(min_value=0, max_value=MAX_DURATION, exclude_min=True)
        | st.integers(1, 2**33).map(float)
    )
    def test_round_trip(self, seconds: float) -> None:
        """Any number of seconds is read back exactly as it was written."""
        self.assertEqual(parse_duration(format_duration(seconds)), seconds)


class GraceTest(SynchronousTestCase):
    """Durations that may be without end."""

    def said(self, written: object) -> list[str]:
        """What is wrong with one."""
        return problems({**small(), "removed_grace": written})

    def test_written(self) -> None:
        """A duration is taken, and never, which is written back as it was."""
        for written, seconds in (("10s", 10.0), ("never", math.inf)):
            document = read({**small(), "removed_grace": written})
            self.assertEqual(document.removed_grace, seconds)
            (mark,) = get_args(Grace)[1:]
            self.assertEqual(mark.write(seconds), written)
        self.assertIsNone(read(small()).removed_grace)

    def test_refused(self) -> None:
        """Anything else is refused, with what to write."""
        for written in ("0s", "always", 5, ""):
            (line,) = self.said(written)
            self.assertTrue(line.startswith("removed_grace: "), line)
            self.assertTrue(line.endswith(', or "never"'), line)
