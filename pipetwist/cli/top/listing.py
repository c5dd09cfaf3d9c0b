"""Rows for a screen that may be narrow, each on one line: which columns there is room for, and how
wide each is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.text import Text

__all__ = ["Column", "Listing", "table_lines"]

_GAP = 2
_SHORT = 8  # such as 99.9 KiB


class Column(NamedTuple):
    """A column.

    Attributes:
        heading: what stands above it.
        rank: those with the highest are left out first, where there is no room; 0 for never. Others
            are left out as well where all cells are empty, unless they have a usual width.
        is_figure: whether it is aligned to the right.
        least: to so many columns of characters it may be cut when no other can be left out; None
            for never.
        wants: it may be cut to this before others are left out; None for never.
        usual: it is at least so wide where there is room, so that figures that change don't move
            what is beside them.
        short: the heading above shorter cells, if it is another one.
    """

    heading: str
    rank: int = 0
    is_figure: bool = False
    least: int | None = None
    wants: int | None = None
    usual: int = 0
    short: str | None = None


class Listing(NamedTuple):
    """Rows that are made when they are shown.

    Attributes:
        columns: what each has.
        items: what each is made of, all of them in order.
        cells: makes a row of an item, with a cell for each column; shorter ones if it is told so.
        nothing: what is said where there are none.
    """

    columns: Sequence[Column]
    items: Sequence[Any]  # of what its cells takes
    cells: Callable[[Any, bool], Sequence[Text]]  # of one of these
    nothing: str


def table_lines(listing: Listing, first: int, room: int, width: int) -> list[Text]:
    """The headings, and a line for each row that there is room for.

    Args:
        listing: the rows.
        first: the number of the first row, from 0.
        room: how many rows there is room for.
        width: how many columns of characters.
    """
    items = listing.items[first : first + room]
    for short, gap in ((False, _GAP), (True, _GAP), (True, 1)):
        rows = [
            [Text(_heading(column, short=short), style="bold") for column in listing.columns],
            *(list(listing.cells(item, short)) for item in items),
        ]
        widths, fits = _widths(listing.columns, rows, gap, width, short=short)
        if fits:
            break
    return [_line(listing.columns, row, widths, gap) for row in rows]


def _widths(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Text]],
    gap: int,
    width: int,
    *,
    short: bool,
) -> tuple[dict[int, int], bool]:
    """The width of each column that is shown, by its number, and whether no name is cut."""
    natural = [
        max(
            min(column.usual, _SHORT) if short else column.usual,
            *(row[number].cell_len for row in rows),
        )
        for number, column in enumerate(columns)
    ]
    widths: dict[int, int] = {}
    excess = 0
    for most in sorted({column.rank for column in columns}, reverse=True):
        widths = {
            number: min(natural[number], _wanted(column, natural[number]))
            for number, column in enumerate(columns)
            if column.rank <= most and not _is_empty(column, number, rows)
        }
        excess = sum(widths.values()) + gap * (len(widths) - 1) - width
        if excess <= 0:
            break
    fits = excess <= 0
    for number, column in enumerate(columns):
        if number not in widths:
            continue
        if excess > 0 and column.least is not None:
            cut = max(min(excess, widths[number] - column.least), 0)
        else:
            # What is left over goes to the first that could use it.
            cut = max(excess, widths[number] - natural[number]) if excess < 0 else 0
        widths[number] -= cut
        excess -= cut
    return widths, fits


def _is_empty(column: Column, number: int, rows: Sequence[Sequence[Text]]) -> bool:
    """Whether a column has nothing but its heading, if that, and need not be there."""
    is_needed = column.usual or (column.heading and not column.rank)
    return not is_needed and not any(row[number].plain for row in rows[1:])


def _heading(column: Column, *, short: bool) -> str:
    return column.short if short and column.short is not None else column.heading


def _wanted(column: Column, natural: int) -> int:
    return natural if column.wants is None else max(column.wants, cell_len(column.heading))


def _line(columns: Sequence[Column], row: Sequence[Text], widths: dict[int, int], gap: int) -> Text:
    line = Text()
    for place, (number, width) in enumerate(widths.items()):
        cell = row[number].copy()
        if cell.cell_len > width:
            cell.truncate(width, overflow="ellipsis")
        blanks = " " * max(0, width - cell.cell_len)
        if place:
            line.append(" " * gap)
        line.append_text(Text(blanks) + cell if columns[number].is_figure else cell)
        if not columns[number].is_figure and place < len(widths) - 1:
            line.append(blanks)
    return line
