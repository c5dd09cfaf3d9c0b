"""Tables for a terminal. The only module that knows rich."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import duration_text, size_text
from pipetwist.cli.traffic import rows, sums
from pipetwist.client.online import Online, listed_sources

__all__ = [
    "Facts",
    "FittingTable",
    "counters_table",
    "online_table",
    "pairs_table",
    "print_table",
]

_ANY = 10_000  # wider than any table


def print_table(table: RenderableType) -> None:
    """Print a table. Without colours if NO_COLOR is set or the terminal has none."""
    Console(highlight=False).print(table)


def _table_of(*columns: str, right: int = 0) -> Table:
    """A table with these headings.

    Args:
        columns: the headings.
        right: how many columns, from the right, are figures.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        figures = number >= len(columns) - right
        table.add_column(
            column, justify="right" if figures else "left", no_wrap=figures, overflow="fold"
        )
    return table


class FittingTable:
    """A table; where the terminal is too narrow for it, each cell is a line with its heading, so
    that no word is broken.

    Args:
        columns: the headings.
        right: how many columns, from the right, are figures.
        titles: how many columns, from the left, say what a row is of.
        together: whether such a line has as many cells as there is room for.
    """

    def __init__(
        self, *columns: str, right: int = 0, titles: int = 2, together: bool = False
    ) -> None:
        self._columns = columns
        self._right = right
        self._titles = titles
        self._together = together
        self._rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row. An empty title is that of the row above."""
        self._rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it as it fits."""
        table = _table_of(*self._columns, right=self._right)
        for first, *cells in self._rows:
            table.add_row(Text(first, style="cyan"), *map(Text, cells))
        if (
            Measurement.get(console, options.update(max_width=_ANY), table).maximum
            > options.max_width
        ):
            yield from self._stacked(options.max_width if self._together else 0)
        else:
            yield table

    def _stacked(self, width: int) -> Iterator[Text]:
        for row in self._rows:
            title = " ".join(filter(None, row[: self._titles]))
            if title:
                yield Text(title, style="cyan")
            line = ""
            for heading, cell in list(zip(self._columns, row, strict=True))[self._titles :]:
                part = f"  {heading} {cell}"
                if line and cell and cell_len(f"{line} {part}") > width:
                    yield Text(line)
                    line = ""
                if cell:
                    line = f"{line} {part}" if line else part
            if line:
                yield Text(line)


class Facts:
    """What is known of something, each with its name before it; where the terminal is so narrow
    that a word would be broken, the name stands above.
    """

    def __init__(self) -> None:
        self._facts: list[tuple[str, Text]] = []

    def add(self, name: str, fact: Text) -> None:
        """Add one. The name that the fact before has as well is not repeated."""
        self._facts.append((name, fact))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it as it fits."""
        indent = max((len(name) for name, _ in self._facts), default=0) + 2
        words = (word for _, fact in self._facts for word in fact.plain.split())
        is_narrow = indent + max(map(cell_len, words), default=0) > options.max_width
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        before = ""
        for name, fact in self._facts:
            shown = "" if name == before else name
            before = name
            if not is_narrow:
                table.add_row(shown, fact)
                continue
            if shown:
                yield Text(shown, style="cyan")
            yield Padding(fact, (0, 0, 0, 2))
        if not is_narrow:
            yield table


def counters_table(values: Mapping[str, int], *, exact: bool) -> RenderableType:
    """Counters, those of one inbound, outbound or user in a row.

    Args:
        values: them.
        exact: show plain numbers of bytes.
    """
    if not values:
        return Text("No counter matches, or the server counts nothing.", style="dim")
    traffic, others = rows(values)
    text = str if exact else size_text
    tables: list[RenderableType] = []
    if traffic:
        table = FittingTable("", "name", "uplink", "downlink", right=2)
        for row in traffic:
            table.add_row(
                printable(row.entity),
                printable(row.name),
                *(
                    text(values[name]) if name in values else ""
                    for name in (row.uplink, row.downlink)
                ),
            )
        for entity, up, down in sums(values):
            table.add_row(printable(entity), "sum", text(up), text(down))
        tables.append(table)
    if others:
        other = FittingTable("other counters", "value", right=1, titles=1)
        for name in others:
            other.add_row(printable(name), str(values[name]))
        tables.append(other)
    return Group(*tables)


def online_table(online: Online) -> RenderableType:
    """Users and their sources."""
    if not online:
        return Text("Nobody is online.", style="dim")
    now = time.time()
    table = FittingTable("user", "source", "last seen", titles=1)
    for user, sources in online.items():
        for number, (source, seen) in enumerate(listed_sources(sources)):
            ago = f"{duration_text(max(0, int(now - seen)))} ago" if seen > 0 else ""
            table.add_row("" if number else printable(user), printable(source), ago)
    return table


def pairs_table(pairs: Mapping[str, str]) -> RenderableType:
    """A table of names and values."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="cyan")
    table.add_column(justify="right")
    for name, value in pairs.items():
        table.add_row(name, value)
    return table
