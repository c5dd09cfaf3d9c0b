"""Ids of connections."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.control.ids import ConnectionId, parse_id, start_of
from tests.support.examples import examples


class IdsTest(SynchronousTestCase):
    """Writing and reading them."""

    @settings(max_examples=examples(100))
    @given(st.integers(1, 10**15), st.integers(0, 10**14))
    def test_read_again(self, number: int, start: int) -> None:
        """An id that was written is the same when it is read."""
        one = ConnectionId(number, start)
        self.assertEqual(parse_id(str(one)), one)

    def test_start(self) -> None:
        """The second part is the start in milliseconds, as the page's figures have it."""
        for seconds in (1796123456.7894, 1796123456.789):
            self.assertEqual(start_of(seconds), 1796123456789)
            self.assertEqual(start_of(round(seconds, 3)), 1796123456789)

    @settings(max_examples=examples(300))
    @given(st.text(alphabet="0123456789@ -+_\u0661\n\0x."))
    def test_others(self, text: str) -> None:
        """Whatever else is written is none, and the error is one line."""
        number, at, start = text.partition("@")
        plain = all(part.isascii() and part.isdigit() for part in (number, start))
        if at and plain and not number.startswith("0") and len(text) < 30:
            self.assertEqual(str(parse_id(text)).partition("@")[0], number)
            return
        error = self.assertRaises(ValueError, parse_id, text)
        self.assertNotIn("\n", str(error))

    def test_refused(self) -> None:
        """A bare number, one of other digits, a sign, blanks or a line's end make none."""
        for text in (
            "17",
            "17@",
            "@1",
            "0@1",
            "-1@1",
            "+1@1",
            " 1@1",
            "1@1\n",
            "\u0661@1",
            "1@1@1",
        ):
            self.assertRaises(ValueError, parse_id, text)
        self.assertRaises(ValueError, parse_id, f"{'9' * 5000}@1")
