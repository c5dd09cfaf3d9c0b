"""The view of ``pipetwist top`` of open connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import duration_text, size_text
from pipetwist.cli.top.limits import NO_CONTROL, speed_text
from pipetwist.cli.top.listing import Column, Listing
from pipetwist.client.rates import Choice, Listed

if TYPE_CHECKING:
    from pipetwist.cli.top.asking import Snapshot

__all__ = ["connections_listing"]

_COLUMNS = (
    Column("user", least=4, wants=24),
    Column("inbound", rank=5, least=4, wants=24),
    Column("outbound", rank=4, least=4, wants=24),
    Column("client", rank=3, least=8, wants=24),
    Column("age", rank=2, is_figure=True),
    Column("uplink/s", is_figure=True, usual=10, short="up/s"),
    Column("downlink/s", is_figure=True, usual=10, short="down/s"),
    Column("uplink", rank=6, is_figure=True, usual=8),
    Column("downlink", rank=6, is_figure=True, usual=8),
    Column("held by", rank=1, wants=12, least=8),
    Column("id", rank=7),
)
_SORTS = {"rate": "rate", "total": "bytes", "age": "age", "user": "user"}


def connections_listing(snapshot: Snapshot, sort: str, words: tuple[str, ...]) -> Listing:
    """The open connections.

    Args:
        snapshot: what is known.
        sort: what is first: the highest rate, the most bytes, the oldest, or users by name.
        words: each of them must be in the tags, the user or the client.
    """
    known = snapshot.later.known
    listed = None if known is None else known.connections
    if known is None:
        nothing = snapshot.later.unknown or NO_CONTROL
    else:
        nothing = "Asking..." if listed is None else "No connection is open."
    found = Choice(words, sort=_SORTS[sort]).of(listed or ())
    return Listing(_COLUMNS, found, _cells, nothing)


def _cells(one: Listed, short: bool) -> list[Text]:
    it = one.connection
    speeds = (one.uplink_rate, one.downlink_rate)
    return [
        Text(printable(it.user or "-")),
        Text(printable(it.inbound)),
        Text(printable(it.outbound)),
        Text(printable(it.peer)),
        Text(duration_text(int(it.age))),
        *(speed_text(speed, short=short) for speed in speeds),
        Text(size_text(it.uplink)),
        Text(size_text(it.downlink)),
        Text(printable(it.held_by), style="yellow"),
        Text(it.id, style="dim"),
    ]
