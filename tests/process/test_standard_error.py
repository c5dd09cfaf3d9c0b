"""Standard error, by lines and within bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.process.standard_error import (
    BURST_LINES,
    LINES_PER_SECOND,
    MAX_LINE_LENGTH,
    StandardErrorLines,
)


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

    @given(
        st.lists(
            st.text(
                st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30
            ),
            max_size=19,
        ),
        st.data(),
    )
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
        """A line of the greatest length is logged whole, one byte more is cut off and the cut
        shown, however it came.
        """
        self.lines.data_received(b"x" * MAX_LINE_LENGTH + b"\n")
        self.lines.data_received(b"y" * (MAX_LINE_LENGTH + 1) + b"\n")
        for _ in range(5000):
            self.lines.data_received(b"zz")
        self.lines.data_received(b"\nnext\n")
        self.assertEqual(
            self.logged,
            [
                "x" * MAX_LINE_LENGTH,
                "y" * MAX_LINE_LENGTH + "...",
                "z" * MAX_LINE_LENGTH + "...",
                "next",
            ],
            "cut at another place",
        )

    def test_memory(self) -> None:
        """A line without an end takes no more memory than the longest one that is logged."""
        for _ in range(100):
            self.lines.data_received(b"x" * 10_000)
        self.assertEqual(len(self.lines._line), MAX_LINE_LENGTH + 1)

    def test_burst(self) -> None:
        """What a program says at once, such as a traceback of 500 lines, is logged whole and in
        time.
        """
        said = [f"line {number}" for number in range(500)]
        self.lines.data_received("".join(f"{line}\n" for line in said).encode())
        self.assertEqual(self.logged, said)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_rate(self) -> None:
        """Of what goes beyond that the last lines of each second are logged, behind the number of
        those that are left out, at its end.
        """
        self.fill()
        self.say(0, 100)
        self.assertEqual(self.logged, [])
        self.clock.advance(0.875)
        self.say(100, 110)
        self.assertEqual(self.logged, [])
        self.clock.advance(0.125)
        self.assertEqual(
            self.logged,
            ["(90 more lines left out)", *(f"line {number}" for number in range(90, 110))],
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_rate_again(self) -> None:
        """An output without an end has its last lines logged second by second, and no more than
        those.
        """
        self.fill()
        for second in range(3):
            for tenth in range(10):
                self.say(100 * second + 10 * tenth, 100 * second + 10 * tenth + 10)
                self.clock.advance(0.125)
        numbered = [line for line in self.logged if line.startswith("line")]
        self.assertLessEqual(len(numbered), 20 * 3.75)
        self.assertEqual(len(self.logged) - len(numbered), 3)
        self.assertEqual(
            [int(line.split()[1]) for line in numbered],
            sorted(int(line.split()[1]) for line in numbered),
        )

    def test_rest(self) -> None:
        """A few lines beyond a burst are logged a second later, and none is left out."""
        self.fill()
        self.say(0, LINES_PER_SECOND)
        self.clock.advance(1)
        self.assertEqual(self.logged, [f"line {number}" for number in range(LINES_PER_SECOND)])

    def test_saved_up(self) -> None:
        """A command that has been quiet may say as much at once again."""
        self.fill()
        self.clock.advance(BURST_LINES / LINES_PER_SECOND)
        self.say(0, BURST_LINES)
        self.assertEqual(len(self.logged), BURST_LINES)
        self.say(0, 1)
        self.assertEqual(len(self.logged), BURST_LINES)

    def test_slow(self) -> None:
        """A command that says no more than is logged in a second is logged at once, for ever."""
        self.fill()
        for number in range(100):
            self.clock.advance(1 / 16)
            self.say(number, number + 1)
            self.assertEqual(self.logged, [f"line {number}" for number in range(number + 1)])

    def test_end(self) -> None:
        """When the output ends the number and the last lines are logged at once, the unfinished one
        with them: there the error stands.
        """
        self.fill()
        self.say(0, 100)
        self.lines.data_received(b"ValueError: end")
        self.assertEqual(repr(self.lines), "<StandardErrorLines 20 lines held, 80 left out>")
        self.lines.ended()
        self.assertEqual(
            self.logged,
            [
                "(81 more lines left out)",
                *(f"line {number}" for number in range(81, 100)),
                "ValueError: end",
            ],
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 80)), max_size=12))
    def test_any(self, steps: list[tuple[int, int]]) -> None:
        """Whatever is said when, each line is either logged in its order or counted in its place,
        and time never runs away with it.
        """
        clock, logged, said = Clock(), list[str](), 0
        lines = StandardErrorLines(clock, logged.append)
        for count, sixteenths in steps:
            lines.data_received(b"".join(b"%d\n" % number for number in range(said, said + count)))
            said += count
            clock.advance(sixteenths / 16)
        lines.ended()
        expected = 0
        for line in logged:
            if line.startswith("("):
                expected += int(line[1:].split()[0])
            else:
                self.assertEqual(int(line), expected)
                expected += 1
        self.assertEqual(expected, said)
        self.assertLessEqual(
            sum(not line.startswith("(") for line in logged),
            BURST_LINES + LINES_PER_SECOND * (clock.seconds() + 1),
        )

    def fill(self) -> None:
        """Have a burst said already."""
        self.say(0, BURST_LINES)
        self.logged.clear()

    def say(self, first: int, end: int) -> None:
        """Say lines with these numbers."""
        self.lines.data_received(b"".join(b"line %d\n" % number for number in range(first, end)))
