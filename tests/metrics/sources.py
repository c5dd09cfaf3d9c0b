"""Sources that a test fills."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipetwist.metrics.sources import Sources
from pipetwist.metrics.tally import ConnectionTally
from pipetwist.stats.counters import MemoryCounterStore

__all__ = ["FakeCommands", "FakePipes", "full_sources", "made_sources"]


@dataclass
class FakeCommands:
    """An outbound's commands."""

    processes: int = 3
    ready: int = 2
    started: int = 7


@dataclass
class FakePipes:
    """Pipes."""

    lent: int = 4
    idle: int = 5
    limit: int = 32


def made_sources(**others: Any) -> Sources:
    """Sources of nothing at all, but for what is given."""
    nothing = Sources(MemoryCounterStore(), ConnectionTally(), counted=lambda: (), routes=dict, strays=dict, commands=dict)
    return replace(nothing, **others)


def full_sources() -> Sources:
    """Sources of which every metric has a sample."""
    return made_sources(
        counted=lambda: [("user", "alice")],
        routes=lambda: {"in": ["out"]},
        strays=lambda: {"in": 0},
        commands=lambda: {"out": FakeCommands()},
        pipes=FakePipes(),
    )
