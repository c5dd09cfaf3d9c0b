"""The view of ``pipetwist top`` of what passes."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import size_text
from pipetwist.cli.top.asking import Snapshot
from pipetwist.cli.top.limits import entity_text, speed_text, state_text
from pipetwist.cli.top.listing import Column, Listing
from pipetwist.cli.traffic import Row
from pipetwist.client.online import source_count
from pipetwist.stats.names import ENTITIES

__all__ = ["NAME", "OF_OUTBOUND", "traffic_listing"]

NAME = Column("name", least=4, wants=24)
"""The column of a name, which comes from anybody."""
OF_OUTBOUND = frozenset({"connect", "server"})
"""The causes of failures that are an outbound's."""

_ENTITIES: tuple[str, ...] = tuple(ENTITIES)  # entities of other servers follow
_COLUMNS = (
    Column(""),
    NAME,
    Column("uplink/s", is_figure=True, usual=10, short="up/s"),
    Column("downlink/s", is_figure=True, usual=10, short="down/s"),
    Column("uplink", rank=2, is_figure=True, usual=8),
    Column("downlink", rank=2, is_figure=True, usual=8),
    Column("sources", rank=4, is_figure=True),
)
_BY_CONTROL = (
    Column("open", rank=3, is_figure=True),
    Column("failed", rank=3, is_figure=True),
    Column("state", rank=1, usual=14),
)
_NOTHING = (
    "Nothing is counted so far. Counters begin with the first connection; what is counted is "
    "listed in experimental.v2ray_api.stats of pipetwist and sing-box, and in stats and policy of "
    "V2Ray and Xray."
)


def traffic_listing(
    snapshot: Snapshot, sort: str, words: tuple[str, ...], patterns: tuple[str, ...]
) -> Listing:
    """Inbounds, outbounds and users with what passes.

    Args:
        snapshot: what is known.
        sort: what is first among inbounds, outbounds and users: rate, total or name.
        words: all of them must be in what is shown.
        patterns: what was asked for.
    """
    growth = snapshot.growth or {}
    values = snapshot.later.reading.values
    figures: Mapping[str, float] = {"rate": growth, "total": values, "name": {}}[sort]
    found = [
        row
        for row in snapshot.later.rows
        if not words or all(word in f"{row.entity} {row.name}".casefold() for word in words)
    ]
    found.sort(key=lambda row: _key(row, figures))
    failed = _failures(snapshot)

    def cells(row: Row, short: bool) -> list[Text]:
        entity = snapshot.entity(row.entity, row.name)
        online = snapshot.later.online
        names = (row.uplink, row.downlink)
        made = [
            entity_text(row.entity, short=short),
            Text(printable(row.name)),
            *(
                speed_text(None if snapshot.growth is None else growth.get(name, 0.0), short=short)
                for name in names
            ),
            *(Text(size_text(values.get(name, 0))) for name in names),
            Text(
                str(source_count(online.get(row.name, 0)))
                if online is not None and row.entity == "user"
                else ""
            ),
        ]
        if snapshot.has_control:
            made += [
                Text("" if entity is None else str(entity.open)),
                Text(str(failed.get(row.name, 0)) if row.entity == "outbound" else ""),
                Text() if entity is None else state_text(snapshot, entity),
            ]
        return made

    columns = (*_COLUMNS, *(_BY_CONTROL if snapshot.has_control else ()))
    nothing = f"No counter matches {', '.join(patterns)}." if patterns else _NOTHING
    return Listing(columns, found, cells, printable(nothing))


def _key(row: Row, figures: Mapping[str, float]) -> tuple[int, float, str]:
    entity = _ENTITIES.index(row.entity) if row.entity in _ENTITIES else len(_ENTITIES)
    return entity, -figures.get(row.uplink, 0) - figures.get(row.downlink, 0), row.name


def _failures(snapshot: Snapshot) -> Mapping[str, int]:
    """How many connections have failed at each outbound."""
    known = snapshot.later.known
    found: dict[str, int] = {}
    for one in () if known is None else known.status.failures:
        if one.cause in OF_OUTBOUND:
            found[one.outbound] = found.get(one.outbound, 0) + one.count
    return found
