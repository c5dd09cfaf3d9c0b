"""Tables for a terminal. The only module that knows rich."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import duration_text, size_text
from pipetwist.cli.traffic import rows
from pipetwist.client.online import Online, listed_sources

__all__ = ["counters_table", "online_table", "pairs_table", "print_table", "table_of"]


def print_table(table: RenderableType) -> None:
    """Print a table. Without colours if NO_COLOR is set or the terminal has none."""
    Console(highlight=False).print(table)


def table_of(*columns: str, right: int = 0) -> Table:
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


def counters_table(values: Mapping[str, int], *, exact: bool) -> RenderableType:
    """Counters, those of one inbound, outbound or user in a row.

    Args:
        values: them.
        exact: show plain numbers of bytes.
    """
    if not values:
        return Text("No counter matches, or nothing has been counted yet.", style="dim")
    traffic, others = rows(values)
    text = str if exact else size_text
    tables = []
    if traffic:
        table = table_of("", "name", "uplink", "downlink", right=2)
        for row in traffic:
            figures = (
                text(values[name]) if name in values else "" for name in (row.uplink, row.downlink)
            )
            table.add_row(
                Text(printable(row.entity), style="cyan"), Text(printable(row.name)), *figures
            )
        tables.append(table)
    if others:
        table = table_of("other counters", "value", right=1)
        for name in others:
            table.add_row(Text(printable(name)), str(values[name]))
        tables.append(table)
    return Group(*tables)


def online_table(online: Online) -> RenderableType:
    """Users and their sources."""
    if not online:
        return Text("Nobody is online.", style="dim")
    now = time.time()
    table = table_of("user", "source", "last seen")
    for user, sources in online.items():
        for number, (source, seen) in enumerate(listed_sources(sources)):
            ago = f"{duration_text(max(0, int(now - seen)))} ago" if seen > 0 else ""
            table.add_row(Text("" if number else printable(user)), Text(printable(source)), ago)
    return table


def pairs_table(pairs: Mapping[str, str]) -> RenderableType:
    """A table of names and values."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="cyan")
    table.add_column(justify="right")
    for name, value in pairs.items():
        table.add_row(name, value)
    return table
