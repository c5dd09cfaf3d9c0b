"""Standard error, by lines and within bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.process.standard_error import LINES_PER_SECOND, LONGEST_LINE, StandardErrorLines

__all__ = ["BoundsTest", "LinesTest"]


class _LinesTestCase(SynchronousTestCase):
    """A command's standard error, and the log that it goes to."""

    def setUp(self) -> None:
        """Begin at a time with a fraction."""
        self.clock = Clock()
        self.clock.advance(0.25)
        self.logged: list[str] = []
        self.lines = StandardErrorLines(self.clock, self.logged.append)


class LinesTest(_LinesTestCase):
    """How bytes become lines."""

    def test_lines(self) -> None:
        """Each line goes to the log without its end, in whatever pieces it came."""
        for piece in (b"one\ntw", b"o", b"\r\nthr", b"ee"):
            self.lines.data_received(piece)
        self.assertEqual(self.logged, ["one", "two"])

    def test_last_line(self) -> None:
        """A last line without an end is logged when the output ends."""
        self.lines.data_received(b"one\nlast")
        self.lines.ended()
        self.assertEqual(self.logged, ["one", "last"])

    def test_nothing(self) -> None:
        """A command that says nothing logs nothing."""
        self.lines.ended()
        self.assertEqual(self.logged, [])

    def test_no_utf8(self) -> None:
        """Bytes that are no UTF-8 are shown by their numbers."""
        self.lines.data_received("café ".encode() + b"\xff\x00\n")
        self.assertEqual(self.logged, ["café \\xff\x00"])

    @given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30), max_size=19), st.data())
    def test_any_pieces(self, lines: list[str], data: st.DataObject) -> None:
        """Whatever the pieces are, the lines are the same."""
        whole = "".join(f"{line}\n" for line in lines).encode()
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
        logged: list[str] = []
        splitter = StandardErrorLines(Clock(), logged.append)
        for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            splitter.data_received(whole[begin:end])
        splitter.ended()
        self.assertEqual(logged, lines)


class BoundsTest(_LinesTestCase):
    """How much goes to the log."""

    def test_longest_line(self) -> None:
        """A line of the greatest length is logged whole, one byte more is cut off and the cut shown, however it came."""
        self.lines.data_received(b"x" * LONGEST_LINE + b"\n")
        self.lines.data_received(b"y" * (LONGEST_LINE + 1) + b"\n")
        for _ in range(5000):
            self.lines.data_received(b"zz")
        self.lines.data_received(b"\nnext\n")
        self.assertEqual(
            self.logged, ["x" * LONGEST_LINE, "y" * LONGEST_LINE + "...", "z" * LONGEST_LINE + "...", "next"], "cut at another place"
        )

    def test_memory(self) -> None:
        """A line without an end takes no more memory than the longest one that is logged."""
        for _ in range(100):
            self.lines.data_received(b"x" * 10_000)
        self.assertEqual(len(self.lines._line), LONGEST_LINE + 1)

    def test_rate(self) -> None:
        """In a second so many lines are logged; how many are left out is said when the next one may be."""
        self.lines.data_received(b"line\n" * (LINES_PER_SECOND + 3))
        self.assertEqual(self.logged, ["line"] * LINES_PER_SECOND)
        self.clock.advance(0.875)
        self.lines.data_received(b"too early\n")
        self.assertEqual(len(self.logged), LINES_PER_SECOND)
        self.clock.advance(0.125)
        self.lines.data_received(b"later\n")
        self.assertEqual(self.logged[LINES_PER_SECOND:], ["(4 more lines left out)", "later"])

    def test_rate_again(self) -> None:
        """Each second has its own lines."""
        for _ in range(3):
            self.lines.data_received(b"line\n" * LINES_PER_SECOND)
            self.clock.advance(1)
        self.assertEqual(self.logged, ["line"] * 3 * LINES_PER_SECOND)

    def test_left_out_at_the_end(self) -> None:
        """What was left out last is said when the output ends, the unfinished line with it."""
        self.lines.data_received(b"line\n" * (LINES_PER_SECOND + 1) + b"unfinished")
        self.lines.ended()
        self.assertEqual(self.logged[LINES_PER_SECOND:], ["(2 more lines left out)"])
