"""Quantities as people read them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.quantities import duration_text, rate_text, size_text
from tests.support.examples import examples

_UNITS = {
    "B": 1,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "PiB": 2**50,
    "EiB": 2**60,
}


class QuantitiesTest(SynchronousTestCase):
    """Sizes, rates and durations."""

    def test_sizes(self) -> None:
        """Sizes are in the unit that leaves two or three digits."""
        for count, text in {
            0: "0 B",
            1023: "1023 B",
            1024: "1.0 KiB",
            1536: "1.5 KiB",
            10 * 1024: "10.0 KiB",
            100 * 1024: "100 KiB",
            1000 * 1024: "1.0 MiB",
            1024**2: "1.0 MiB",
            5 * 1024**3: "5.0 GiB",
            2**63 - 2: "8.0 EiB",
            2**63 - 1: "8.0 EiB or more",
            -5: "-5 B",
        }.items():
            self.assertEqual(size_text(count), text)

    @settings(max_examples=examples(300), derandomize=True)
    @given(st.integers(0, 2**63 - 2))
    def test_any_size(self, count: int) -> None:
        """What is said is within a twentieth of what is, and never longer than eight characters."""
        text = size_text(count)
        number, unit = text.split()
        self.assertLessEqual(abs(float(number) * _UNITS[unit] - count), max(count, 1) / 20)
        self.assertLessEqual(len(text), 8)

    def test_rates(self) -> None:
        """Rates are sizes in a second."""
        self.assertEqual([rate_text(0.0), rate_text(1536.4)], ["0 B/s", "1.5 KiB/s"])

    def test_durations(self) -> None:
        """Durations have the two units that matter."""
        for seconds, text in {
            0: "0s",
            59: "59s",
            60: "1m 0s",
            3725: "1h 2m",
            93784: "1d 2h",
            86400 * 400: "400d 0h",
        }.items():
            self.assertEqual(duration_text(seconds), text)
