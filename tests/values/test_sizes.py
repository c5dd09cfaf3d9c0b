"""Sizes: what is taken, what is refused, and that what is written is read back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.sizes import MAX_AMOUNT, MAX_SIZE, format_size, parse_amount, parse_size


class SizesTest(SynchronousTestCase):
    """How sizes are written."""

    def test_units(self) -> None:
        """Decimal and binary units are known, and fractions of them; nothing is a size too."""
        written = {
            "7B": 7,
            "2KB": 2000,
            "2kB": 2000,
            "1TB": 10**12,
            "1TiB": 1 << 40,
            "10MB": 10**7,
            "1GB": 10**9,
            "1KiB": 1024,
            "3MiB": 3 << 20,
            "1.5GiB": 3 << 29,
            "0B": 0,
            "0MB": 0,
        }
        self.assertEqual({text: parse_size(text) for text in written}, written)

    def test_refused(self) -> None:
        """Whatever has no unit, a sign, a space or another type is refused, and the message shows
        how to write one.
        """
        others: tuple[object, ...] = (10, 1.0, None, True, ["1MB"], {})
        for raw in (
            "",
            "10",
            "10 MB",
            "-1MB",
            "MB",
            "1M",
            "1mb",
            "1MB ",
            ".5MB",
            "1e3MB",
            "\u0665MB",
            *others,
        ):
            self.assertIn(
                'such as "10MB"', str(self.assertRaises(ValueError, parse_size, raw)), raw
            )

    def test_too_large(self) -> None:
        """A size that no file can have is refused, however many digits it has."""
        for raw in ("9223372036854775808B", "9" * 400 + "GB"):
            self.assertIn(
                "more than a file can have", str(self.assertRaises(ValueError, parse_size, raw))
            )

    def test_format(self) -> None:
        """A size is written in the largest unit of which it is a multiple."""
        written = {
            0: "0B",
            1: "1B",
            1000: "1kB",
            1024: "1KiB",
            10**7: "10MB",
            3 << 30: "3GiB",
            1500: "1500B",
        }
        self.assertEqual({size: format_size(size) for size in written}, written)

    @settings(deadline=None)
    @given(st.integers(0, MAX_SIZE))
    def test_round_trip(self, size: int) -> None:
        """Any size is read back exactly as it was written."""
        self.assertEqual(parse_size(format_size(size)), size)

    def test_amounts(self) -> None:
        """An amount of traffic is a size, or a number of bytes."""
        written = {"50GB": 50 * 10**9, "1B": 1, 1: 1, MAX_AMOUNT: MAX_AMOUNT}
        self.assertEqual({raw: parse_amount(raw) for raw in written}, written)

    def test_amounts_refused(self) -> None:
        """No amount is none, or one that no counter holds."""
        others: tuple[object, ...] = (
            "0MB",
            0,
            -1,
            MAX_AMOUNT + 1,
            "10001TB",
            True,
            1.5,
            None,
            "1M",
        )
        for raw in others:
            self.assertIn("amount", str(self.assertRaises(ValueError, parse_amount, raw)), raw)
