"""Ports and file modes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.numbers import format_mode, parse_mode, parse_port


class PortsTest(SynchronousTestCase):
    """Numbers of ports."""

    def test_bounds(self) -> None:
        """The first and the last port are taken."""
        self.assertEqual([parse_port(0), parse_port(65535)], [0, 65535])

    def test_refused(self) -> None:
        """Numbers beyond, and what is no whole number, are refused with the bounds."""
        for raw in (-1, 65536, 80.0, "80", True, None, [80]):
            self.assertIn("from 0 to 65535", str(self.assertRaises(ValueError, parse_port, raw)))


class ModesTest(SynchronousTestCase):
    """File modes."""

    def test_octal(self) -> None:
        """Digits are octal, with or without a 0 before them."""
        self.assertEqual(
            [parse_mode("0660"), parse_mode("600"), parse_mode("000")], [0o660, 0o600, 0]
        )

    def test_refused(self) -> None:
        """A number is refused, since JSON's numbers are decimal, and so is what is no mode of a
        socket.
        """
        for raw in (660, 0o660, "66", "06600", "0o660", "0680", "rw-", "", None, True, "٠٦٦٠"):
            self.assertIn('such as "0660"', str(self.assertRaises(ValueError, parse_mode, raw)))

    @given(st.integers(0, 0o777))
    def test_round_trip(self, mode: int) -> None:
        """Any mode is read back as it was written."""
        self.assertEqual(parse_mode(format_mode(mode)), mode)
