"""The view of ``pipetwist top`` of limits: how much there is, how much is left, and who is held or
refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import duration_text, rate_text, size_text
from pipetwist.cli.top.listing import Column, Listing

if TYPE_CHECKING:
    from pipetwist.cli.top.asking import Snapshot
    from pipetwist.control.wire.control_pb2 import Entity, EntityQuota

__all__ = [
    "NO_CONTROL",
    "entity_text",
    "held_shares",
    "limits_listing",
    "no_cells",
    "speed_text",
    "state_text",
]

NO_CONTROL = (
    'This is known of pipetwist alone, by its control service: write "control": {"listen": '
    '"unix:control.sock"} into its configuration, and start top with --config FILE or --control '
    "unix:PATH."
)
"""What is said where there is no control service."""

_SHORT = {"inbound": "in", "outbound": "out"}
_BAR = 10
_NOTICED = 0.005  # less is not told of: what waits for a moment is not held
_COLUMNS = (
    Column(""),
    Column("name", least=4, wants=24),
    Column("up/down Mbit/s", rank=3, is_figure=True),
    Column("open", rank=4, is_figure=True),
    Column("sources", rank=8, is_figure=True),
    Column("new/s", rank=8, is_figure=True),
    Column("expires in", rank=8, is_figure=True),
    Column("quota", rank=6),
    Column("of", rank=5, is_figure=True),
    Column("used", rank=2, is_figure=True),
    Column("left", rank=2, is_figure=True),
    Column("", rank=7),
    Column("", is_figure=True),
    Column("anew in", rank=7, is_figure=True),
    Column("state", least=7, wants=16),
)


class _Line(NamedTuple):
    """What a row is of: a quota, or none.

    Attributes:
        entity: whose.
        quota: which one; None if there is none.
        is_first: whether it is the first one, beside which the other limits stand.
    """

    entity: Entity
    quota: EntityQuota | None
    is_first: bool


def limits_listing(snapshot: Snapshot, sort: str, words: tuple[str, ...]) -> Listing:
    """Those that have limits, with a row for each quota.

    Args:
        snapshot: what is known.
        sort: what is first: those who are refused or held, those who have used most of a quota, or
            names.
        words: all of them must be in what is shown.
    """
    known = snapshot.later.known
    if known is None:
        return Listing(_COLUMNS, (), no_cells, snapshot.later.unknown or NO_CONTROL)
    found = [
        one
        for one in known.entities.values()
        if (one.HasField("limits") or one.quotas)
        and (not words or all(word in f"{one.entity} {one.name}".casefold() for word in words))
    ]
    now = known.now
    keys: Mapping[str, Callable[[Entity], Any]] = {  # of any type that can be compared
        "state": lambda one: (
            not one.closed,
            -_refused(snapshot, one),
            -max(held_shares(snapshot, one)),
            -_used_share(one),
        ),
        "used": lambda one: -_used_share(one),
        "name": lambda one: one.name,
    }
    found.sort(key=keys[sort])
    lines = [
        _Line(one, quota, number == 0)
        for one in found
        for number, quota in enumerate(one.quotas or (None,))
    ]

    def cells(line: _Line, short: bool) -> list[Text]:
        one, quota = line.entity, line.quota
        own = (
            [
                entity_text(one.entity, short=short),
                Text(printable(one.name)),
                Text(_rates_text(one)),
                Text(_of_text(one.open, one.limits.max_connections)),
                Text(_of_text(one.sources, most) if (most := one.limits.max_sources) else ""),
                Text(f"{each:g}" if (each := one.limits.connections_per_second) else ""),
                Text(_left_text(one.limits.expires, now) if one.limits.expires else ""),
            ]
            if line.is_first
            else [Text()] * 7
        )
        state = state_text(snapshot, one, in_full=not short) if line.is_first else Text()
        return [*own, *_quota_cells(quota, now), state]

    return Listing(_COLUMNS, lines, cells, "Nothing has limits that are known here.")


def entity_text(entity: str, *, short: bool) -> Text:
    """What something is."""
    return Text(printable(_SHORT.get(entity, entity) if short else entity), style="cyan")


def speed_text(speed: float | None, *, short: bool) -> Text:
    """Bytes a second; nothing if they are not known."""
    if speed is None:
        return Text()
    return Text(size_text(round(speed)) if short else rate_text(speed))


def state_text(snapshot: Snapshot, entity: Entity, *, in_full: bool = False) -> Text:
    """Whether new connections are refused, and for which share of the time bytes were held back.

    Args:
        snapshot: what is known.
        entity: of what.
        in_full: whether it says why.
    """
    parts = []
    held = " ".join(
        f"{direction} {share:.0%}"
        for direction, share in zip(("up", "down"), held_shares(snapshot, entity), strict=True)
        if share > _NOTICED
    )
    if held:
        parts.append(Text(f"held {held}", style="yellow"))
    refused = _refused(snapshot, entity)
    if entity.closed:
        why = f": {printable(entity.closed)}" if in_full else ""
        parts.append(Text(f"refused{why}", style="red"))
    elif refused:
        parts.append(Text(f"{refused} refused", style="red"))
    return Text(", ").join(parts)


def held_shares(snapshot: Snapshot, entity: Entity) -> tuple[float, float]:
    """For which share of the time between the last two samples bytes were held back by its own
    rates, up and down.
    """
    before = snapshot.before(entity)
    if before is None or not snapshot.passed:
        return 0.0, 0.0
    grown = (entity.held_up - before.held_up, entity.held_down - before.held_down)
    up, down = (max(0.0, min(seconds / snapshot.passed, 1.0)) for seconds in grown)
    return up, down


def _refused(snapshot: Snapshot, entity: Entity) -> int:
    """How many connections were refused between the last two samples."""
    before = snapshot.before(entity)
    return 0 if before is None else max(0, int(entity.refused) - int(before.refused))


def _used_share(entity: Entity) -> float:
    return max((one.used / one.bytes for one in entity.quotas if one.bytes), default=-1.0)


def _rates_text(entity: Entity) -> str:
    both = (entity.limits.up_mbps, entity.limits.down_mbps)
    return "/".join(f"{rate:g}" if rate else "-" for rate in both) if any(both) else ""


def _of_text(count: int, most: int) -> str:
    return f"{count} of {most}" if most else str(count)


def _left_text(when: float, now: float) -> str:
    return duration_text(max(0, int(when - now)))


def _quota_cells(quota: EntityQuota | None, now: float) -> list[Text]:
    if quota is None:
        return [Text()] * 7
    share = min(quota.used / quota.bytes, 1.0) if quota.bytes else 1.0
    style = "red" if share >= 1 else "yellow" if share >= 0.8 else ""
    full = int(share * _BAR)
    return [
        Text(printable(quota.quota)),
        Text(size_text(quota.bytes)),
        Text(size_text(quota.used)),
        Text(size_text(max(0, quota.bytes - quota.used))),
        Text(f"[{'#' * full}{'-' * (_BAR - full)}]", style=style),
        Text(f"{int(share * 100)}%", style=style),
        Text(_left_text(quota.anew, now) if quota.anew else "never"),
    ]


def no_cells(item: object, short: bool) -> list[Text]:
    """The cells of a listing that has nothing."""
    raise NotImplementedError
