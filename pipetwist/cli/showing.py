"""How ``pipetwist stats`` shows counters: as a table, as lines, as JSON or as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pipetwist.cli.output import on_terminal, print_csv, print_json, print_lines
from pipetwist.cli.traffic import in_order, rows

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Form", "Show"]

Show = Callable[[Mapping[str, int]], object]
"""Shows counters, given their values by name."""

_COLUMNS = ("entity", "name", "uplink", "downlink", "total")


@dataclass(frozen=True)
class Form:
    """What counters are shown as.

    Attributes:
        as_json: as JSON.
        as_csv: as CSV.
        exact: with plain numbers of bytes, also in a table.
        sort: by what, one of `pipetwist.cli.traffic.ORDERS`.
    """

    as_json: bool
    as_csv: bool
    exact: bool
    sort: str

    def show(self, values: Mapping[str, int], *, again: bool = False) -> Mapping[str, int]:
        """Print counters.

        Args:
            values: them, by name.
            again: whether others follow: then JSON is one line, and an empty line ends other lines.

        Returns:
            The same values.
        """
        ordered = in_order(values, self.sort)
        if self.as_json:
            print_json(
                {"stat": [{"name": name, "value": value} for name, value in ordered.items()]},
                one_line=again,
            )
        elif self.as_csv:
            print_csv([_COLUMNS, *_csv_rows(ordered)])
        elif not on_terminal():
            print_lines(ordered.items())
            if again:
                click.echo()
        elif values:  # that there are none is said on standard error
            from pipetwist.cli.tables import print_table

            print_table(self.table(values))
        return values

    def table(self, values: Mapping[str, int]) -> RenderableType:
        """Counters as a table for a terminal."""
        from pipetwist.cli.tables import counters_table

        return counters_table(in_order(values, self.sort), exact=self.exact)


def _csv_rows(values: Mapping[str, int]) -> Iterator[tuple[object, ...]]:
    """A row for each inbound, outbound and user; and one for each counter that is no traffic, of
    which only the total is known.
    """
    traffic, others = rows(values)
    for row in traffic:
        up, down = (values.get(name, 0) for name in (row.uplink, row.downlink))
        yield row.entity, row.name, up, down, up + down
    for name in others:
        yield "", name, "", "", values[name]
