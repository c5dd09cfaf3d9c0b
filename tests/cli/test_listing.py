"""Rows on screens of any width."""

from __future__ import annotations

from rich.text import Text
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.top.listing import Column, Listing, table_lines


def _lines(listing: Listing, width: int, first: int = 0, room: int = 10) -> list[str]:
    return [line.plain.rstrip() for line in table_lines(listing, first, room, width)]


class ListingTest(SynchronousTestCase):
    """A name, two figures and a text."""

    columns = (
        Column("name", least=4, wants=8),
        Column("now", is_figure=True),
        Column("total", rank=1, is_figure=True),
        Column("why", rank=2, least=4, wants=6),
    )

    def listing(self, *names: str) -> Listing:
        """Rows with these names."""
        return Listing(
            self.columns,
            names,
            lambda name, short: [
                Text(name),
                Text("1" if short else "1 B"),
                Text("12 KiB"),
                Text("it was refused"),
            ],
            "nothing",
        )

    def test_widths(self) -> None:
        """What there is no room for is left out by its rank, and what is left over goes to what was
        cut.
        """
        listing = self.listing("alice")
        for width, expected in (
            (60, ["name   now   total  why", "alice  1 B  12 KiB  it was refused"]),
            (30, ["name   now   total  why", "alice  1 B  12 KiB  it was re…"]),
            (25, ["name   now   total", "alice  1 B  12 KiB"]),
            (17, ["name   now", "alice  1 B"]),
            (10, ["name   now", "alice  1 B"]),
            (8, ["name now", "ali…   1"]),
        ):
            self.assertEqual(_lines(listing, width), expected, width)

    def test_wide_characters(self) -> None:
        """A character may have two columns."""
        self.assertEqual(
            _lines(self.listing("漢字漢字漢字", "bob"), 14),
            ["name       now", "漢字漢字…  1 B", "bob        1 B"],
        )

    def test_empty(self) -> None:
        """A column without a figure is left out, unless it has a usual width, which it has before
        its first figure.
        """
        columns = (Column("n"), Column("sources", rank=1), Column("rate", rank=1, usual=6))
        found = Listing(columns, ["a"], lambda _, short: [Text("a"), Text(), Text()], "")
        self.assertEqual(_lines(found, 20), ["n  rate", "a"])
        found = found._replace(cells=lambda _, short: [Text("a"), Text("2"), Text("1 B/s")])
        self.assertEqual(_lines(found, 20), ["n  sources  rate", "a  2        1 B/s"])
        self.assertEqual(_lines(found, 17), ["n", "a"])

    def test_some(self) -> None:
        """Only the rows that are shown are made, and decide on the widths."""
        made: list[int] = []

        def cells(number: int, short: bool) -> list[Text]:
            made.append(number)
            return [Text(str(number)), Text()]

        columns = (Column("n", is_figure=True), Column(""))
        listing = Listing(columns, range(100_000), cells, "")
        self.assertEqual(_lines(listing, 20, 98, 3), ["  n", " 98", " 99", "100"])
        self.assertEqual(made, [98, 99, 100])
