"""From counters to rows: uplink and downlink of an inbound, an outbound or a user side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipetwist.stats.names import DIRECTIONS

__all__ = ["ORDERS", "Reading", "Row", "in_order", "rates", "rows", "sums"]

ORDERS = ("name", "uplink", "downlink", "total")
"""By what counters can be sorted."""


@dataclass(frozen=True)
class Row:
    """An inbound, an outbound or a user, or something else whose traffic a server counts.

    Attributes:
        entity: what it is, such as ``inbound``.
        name: its tag or its name.
        uplink: the name of its counter for what clients sent.
        downlink: the name of its counter for what clients were sent.
    """

    entity: str
    name: str
    uplink: str
    downlink: str


def rows(names: Mapping[str, object]) -> tuple[list[Row], list[str]]:
    """Put the counters of one entity in one row.

    Returns:
        The rows, in the order of their first counters, and the names that are not traffic counters.
    """
    found: dict[Row, None] = {}
    others = []
    for name in names:
        parts = name.split(">>>")
        if len(parts) == 4 and parts[2] == "traffic" and parts[3] in DIRECTIONS:
            stem = ">>>".join(parts[:3])
            found[Row(parts[0], parts[1], f"{stem}>>>uplink", f"{stem}>>>downlink")] = None
        else:
            others.append(name)
    return list(found), others


def in_order(values: Mapping[str, int], by: str) -> dict[str, int]:
    """Sort counters, those of one entity together and its uplink first: the largest first, or by
    their names.

    Args:
        values: them, by name.
        by: one of `ORDERS`.
    """
    if by == "name":
        return {name: values[name] for name in sorted(values, key=_uplink_first)}

    def size(row: Row) -> int:
        up, down = (values.get(name, 0) for name in (row.uplink, row.downlink))
        return {"uplink": up, "downlink": down}.get(by, up + down)

    found, others = rows(values)
    names = [
        name
        for row in sorted(found, key=size, reverse=True)
        for name in (row.uplink, row.downlink)
        if name in values
    ]
    names += sorted(others, key=lambda name: values[name], reverse=True)
    return {name: values[name] for name in names}


def _uplink_first(name: str) -> tuple[str, bool]:
    """Names in their order, but for the directions of one entity."""
    stem, _, direction = name.rpartition(">>>")
    return (stem, direction == "downlink") if direction in DIRECTIONS else (name, False)


def sums(values: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """The sums of uplink and downlink over all inbounds, all outbounds and all users, of each of
    which there are several: the entity, and the two.
    """
    counts: dict[str, int] = {}
    found: dict[str, tuple[int, int]] = {}
    for row in rows(values)[0]:
        up, down = found.get(row.entity, (0, 0))
        found[row.entity] = (up + values.get(row.uplink, 0), down + values.get(row.downlink, 0))
        counts[row.entity] = counts.get(row.entity, 0) + 1
    return [(entity, *both) for entity, both in found.items() if counts[entity] > 1]


@dataclass(frozen=True)
class Reading:
    """The counters at one moment.

    Attributes:
        seconds: when, on a clock that only grows.
        values: the value of each counter.
    """

    seconds: float
    values: Mapping[str, int]


def rates(earlier: Reading, later: Reading) -> dict[str, float]:
    """How many bytes each counter grew by in a second.

    A counter that is smaller than before was reset, or its server restarted: as in Prometheus's
    rate() it counts from 0. So does a new counter, since servers create it when they begin to
    count.
    """
    passed = later.seconds - earlier.seconds
    return {
        name: _growth(earlier.values.get(name, 0), value) / passed
        for name, value in later.values.items()
    }


def _growth(before: int, now: int) -> int:
    return now - before if now >= before else max(now, 0)
