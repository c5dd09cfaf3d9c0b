"""The view of ``pipetwist top`` of connections that failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import duration_text
from pipetwist.cli.top.limits import NO_CONTROL, no_cells
from pipetwist.cli.top.listing import Column, Listing

if TYPE_CHECKING:
    from pipetwist.cli.top.asking import Snapshot
    from pipetwist.control.wire.control_pb2 import FailedConnections

__all__ = ["failures_listing"]

_COLUMNS = (
    Column("outbound", least=4, wants=24),
    Column("inbound", rank=3, least=4, wants=24),
    Column("failed", is_figure=True),
    Column("cause", rank=1),
    Column("last", rank=2, is_figure=True),
    Column("reason of the last", rank=4, least=8, wants=20),
)
_SORTS: Mapping[str, Callable[[FailedConnections], Any]] = {  # of any type that can be compared
    "time": lambda one: -one.last,
    "count": lambda one: -one.count,
    "name": lambda one: (one.outbound, one.inbound, one.cause),
}


def failures_listing(snapshot: Snapshot, sort: str, words: tuple[str, ...]) -> Listing:
    """Each outbound, inbound and cause with how many failed, and why the last one did.

    Args:
        snapshot: what is known.
        sort: what is first: the latest, the most, or names.
        words: all of them must be in what is shown.
    """
    known = snapshot.later.known
    if known is None:
        return Listing(_COLUMNS, (), no_cells, snapshot.later.unknown or NO_CONTROL)
    now = known.now
    found = [
        one
        for one in known.status.failures
        if all(
            word in f"{one.outbound} {one.inbound} {one.cause} {one.reason}".casefold()
            for word in words
        )
    ]
    found.sort(key=_SORTS[sort])

    def cells(one: FailedConnections, short: bool) -> list[Text]:
        return [
            Text(printable(one.outbound or "-"), style="cyan"),
            Text(printable(one.inbound)),
            Text(str(one.count), style="red"),
            Text(printable(one.cause)),
            Text(f"{duration_text(max(0, int(now - one.last)))} ago" if one.last else ""),
            Text(printable(one.reason)),
        ]

    return Listing(_COLUMNS, found, cells, "No connection has failed since the start.")
