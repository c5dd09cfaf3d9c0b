"""What a server and a control service might say, for views of ``pipetwist top``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipetwist.cli.top.asking import Known, Sample, Snapshot
from pipetwist.cli.top.state import TopState
from pipetwist.cli.top.view import top_view
from pipetwist.cli.traffic import Reading
from pipetwist.client.online import Online
from pipetwist.client.rates import Listed
from pipetwist.control.wire.control_pb2 import (
    Entity,
    EntityLimits,
    EntityQuota,
    FailedConnections,
    GetStatusResponse,
)

__all__ = ["NOW", "entity", "known", "lines", "quota", "sample"]

NOW = 1_800_000_000.0


def sample(
    seconds: float,
    figures: Mapping[str, tuple[int, int]],
    known: Known | None = None,
    unknown: str = "",
) -> Sample:
    """A sample of entities such as ``user_alice``, each with its bytes up and down."""
    values = {}
    for key, (uplink, downlink) in figures.items():
        stem = f"{key.replace('_', '>>>', 1)}>>>traffic>>>"
        values.update({f"{stem}uplink": uplink, f"{stem}downlink": downlink})
    online: Online = {"alice": {"192.0.2.1": 1, "pid:7": 2}}
    return Sample(Reading(seconds, values), online, 93784, known, unknown)


def known(
    *entities: Entity,
    connections: list[Listed] | None = None,
    failures: tuple[FailedConnections, ...] = (),
) -> Known:
    """What the control service says."""
    return Known(
        GetStatusResponse(started=NOW - 60, uptime=60, open=3, failures=failures),
        {(one.entity, one.name): one for one in entities},
        connections,
    )


def entity(
    key: str, *quotas: EntityQuota, limits: EntityLimits | None = None, **said: Any
) -> Entity:
    """One such as ``user_alice``."""
    kind, _, name = key.partition("_")
    return Entity(entity=kind, name=name, quotas=quotas, limits=limits, **said)


def quota(used: int, most: int, name: str = "month-1-both") -> EntityQuota:
    """A quota that begins anew in a day and an hour."""
    return EntityQuota(quota=name, bytes=most, used=used, anew=NOW + 90_000)


def lines(
    snapshot: Snapshot,
    state: TopState | None = None,
    *,
    patterns: tuple[str, ...] = (),
    width: int = 100,
    height: int = 24,
) -> list[str]:
    """The lines of the screen that are not blank."""
    frame = top_view(
        "127.0.0.1:1",
        snapshot,
        state or TopState(),
        patterns=patterns,
        width=width,
        height=height,
    )
    assert len(frame.lines) == height, [line.plain for line in frame.lines]
    assert all(line.cell_len <= width for line in frame.lines), frame.lines
    return [line.plain.rstrip() for line in frame.lines if line.plain.strip()]
