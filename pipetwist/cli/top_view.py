"""Makes the view of ``pipetwist top`` from the server's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import count_text, duration_text, rate_text, size_text
from pipetwist.cli.tables import table_of
from pipetwist.cli.traffic import Reading, Row, rates, rows
from pipetwist.client.online import Online, source_count
from pipetwist.stats.names import ENTITIES

__all__ = ["SORTS", "Sample", "Sort", "top_view"]

Sort = Literal["rate", "total", "name"]
SORTS: tuple[Sort, ...] = ("rate", "total", "name")

_ENTITIES: tuple[str, ...] = tuple(ENTITIES)  # entities of other servers follow
_HEADINGS = ("", "name", "uplink/s", "downlink/s", "uplink", "downlink", "sources")
_FEWER = (7, 6, 4)  # columns, from the left: all, those without sources, the rates alone
_GAP = 2
_MIN_NAME = 4
_LINES_AROUND = 6  # two above the table, its headings, and three below


@dataclass(frozen=True)
class Sample:
    """The server's answers at one moment.

    Attributes:
        reading: the counters.
        online: who is online; None if the server does not know.
        uptime: seconds that the server has been up.
    """

    reading: Reading
    online: Online | None
    uptime: int


def top_view(
    server: str,
    earlier: Sample | None,
    later: Sample,
    *,
    sort: Sort,
    fault: str,
    width: int,
    height: int,
) -> RenderableType:
    """Make the view.

    Args:
        server: where the server is.
        earlier: the previous sample; None if there is only one.
        later: the newest sample.
        sort: what is first among inbounds, outbounds and users.
        fault: why there is no newer sample; empty if there is no error.
        width: how many columns of characters there are; if they are too few for all figures, some
            are left out, and names are cut last.
        height: how many lines there are.
    """
    growth = None if earlier is None else rates(earlier.reading, later.reading)
    found, _ = rows(later.reading.values)
    found.sort(key=lambda row: _key(row, later.reading.values, growth or {}, sort))
    room = max(1, height - _LINES_AROUND)
    table = _fitting([_cells(row, later, growth) for row in found[:room]], width)
    more = (
        f"and {len(found) - room} more, which this screen has no room for"
        if len(found) > room
        else ""
    )
    return Group(
        Text(
            _headline(server, later, found, growth), style="bold", no_wrap=True, overflow="ellipsis"
        ),
        Text(),
        table,
        Text(more, style="dim"),
        Text(printable(fault), style="red")
        if fault
        else Text(f"q quits, s sorts by {_next(sort)} (now by {sort})", style="dim"),
    )


def _fitting(lines: list[list[Text]], width: int) -> Table:
    """The table, with as many of its columns as there is room for. Each row is one line, as the
    height assumes.
    """
    widths: list[int] = []
    for count in _FEWER:
        widths = [
            max(map(cell_len, (heading, *map(str, cells))))
            for heading, *cells in zip(_HEADINGS[:count], *lines, strict=False)
        ]
        excess = sum(widths) + _GAP * (count - 1) - width
        if excess <= 0:
            break
    table = table_of(*_HEADINGS[: len(widths)], right=len(widths) - 2)
    for line in lines:
        line[1].truncate(max(_MIN_NAME, widths[1] - max(0, excess)), overflow="ellipsis")
        table.add_row(*line[: len(widths)])
    return table


def _headline(
    server: str, sample: Sample, found: list[Row], growth: Mapping[str, float] | None
) -> str:
    parts = [printable(server), f"up {duration_text(sample.uptime)}"]
    inbounds = [row for row in found if row.entity == "inbound"]
    if inbounds and growth is not None:
        uplink = sum(growth.get(row.uplink, 0.0) for row in inbounds)
        downlink = sum(growth.get(row.downlink, 0.0) for row in inbounds)
        parts.append(f"uplink {rate_text(uplink)}, downlink {rate_text(downlink)}")
    if sample.online is not None:
        sources = sum(map(source_count, sample.online.values()))
        parts.append(
            f"{count_text(len(sample.online), 'user')} online from {count_text(sources, 'source')}"
        )
    return "   ".join(parts)


def _key(
    row: Row, values: Mapping[str, int], growth: Mapping[str, float], sort: Sort
) -> tuple[int, float, str]:
    entity = _ENTITIES.index(row.entity) if row.entity in _ENTITIES else len(_ENTITIES)
    figures: Mapping[str, float] = {"rate": growth, "total": values, "name": {}}[sort]
    return entity, -figures.get(row.uplink, 0) - figures.get(row.downlink, 0), row.name


def _cells(row: Row, sample: Sample, growth: Mapping[str, float] | None) -> list[Text]:
    names = (row.uplink, row.downlink)
    speeds = ["" if growth is None else rate_text(growth.get(name, 0.0)) for name in names]
    sizes = [size_text(sample.reading.values.get(name, 0)) for name in names]
    sources = (
        str(source_count(sample.online.get(row.name, 0)))
        if sample.online is not None and row.entity == "user"
        else ""
    )
    return [
        Text(printable(row.entity), style="cyan"),
        Text(printable(row.name)),
        *map(Text, (*speeds, *sizes, sources)),
    ]


def _next(sort: Sort) -> Sort:
    return SORTS[(SORTS.index(sort) + 1) % len(SORTS)]
