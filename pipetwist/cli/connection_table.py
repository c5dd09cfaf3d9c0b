"""The table of open connections for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import duration_text, rate_text, size_text
from pipetwist.cli.tables import FittingTable
from pipetwist.client.rates import Listed

__all__ = ["connections_table"]


def connections_table(connections: Sequence[Listed]) -> RenderableType:
    """Connections, one in a row; with their rates if these are known, and with what they wait for
    if one of them waits.
    """
    if not connections:
        return Text("No open connection matches.", style="dim")
    with_rates = any(one.uplink_rate is not None for one in connections)
    figures = ("age", "uplink", "downlink", *(("rate",) if with_rates else ()))
    held = ("held by",) if any(one.connection.held_by for one in connections) else ()
    texts = ("id", "inbound", "outbound", "user", "client", *held)
    table = FittingTable(*texts, *figures, right=len(figures), titles=1, together=True)
    for one in connections:
        it = one.connection
        own = (it.inbound, it.outbound, it.user or "-", it.peer, *((it.held_by,) if held else ()))
        table.add_row(
            it.id,
            *map(printable, own),
            duration_text(int(it.age)),
            size_text(it.uplink),
            size_text(it.downlink),
            *((rate_text(one.rate),) if with_rates else ()),
        )
    return table
