"""Sources that a test fills."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.kinds.figures import Figure
from pipetwist.metrics.sources import MetricsSnapshot, Pipes, Sources
from pipetwist.metrics.statistics import ConnectionStatistics
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.plugins.figures import INBOUND_PLUGIN_FIGURES, OUTBOUND_PLUGIN_FIGURES
from pipetwist.routing.router import Router
from pipetwist.routing.rules import RuleOptions
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.tracking import Tracked

__all__ = [
    "COMMANDS",
    "PIPES",
    "full_sources",
    "made_sources",
    "snapshot",
    "sources_of",
    "tracking",
]

PIPES = Pipes(lent=4, idle=5, limit=32)
_VALUES = {
    "pipetwist_commands_running": 3,
    "pipetwist_commands_ready": 2,
    "pipetwist_commands_started": 7,
}
COMMANDS: tuple[tuple[str, Figure, dict[str, float]], ...] = tuple(
    ("outbound", figure, {"tool": _VALUES[figure.name]}) for figure in ForkOutboundOptions.figures
)
"""The commands of an outbound."""
_TLS = tuple(("inbound", figure, {"in": 1.0}) for figure in TcpInboundOptions.figures)
_PLUGINS = (
    *(("inbound", figure, {"in": 1.0}) for figure in INBOUND_PLUGIN_FIGURES),
    *(("outbound", figure, {"out": 1.0}) for figure in OUTBOUND_PLUGIN_FIGURES),
)


def snapshot(**others: Any) -> MetricsSnapshot:
    """A picture of nothing at all, but for what is given."""
    return MetricsSnapshot(others.pop("router", Router([], "out")), **others)


def tracking(*users: str) -> Tracked:
    """These users are counted."""
    return Tracked(MemoryCounterStore(), users=users)


def made_sources(**others: Any) -> Sources:
    """Sources of nothing at all, but for what is given."""
    return sources_of(lambda: snapshot(**others))


def sources_of(take: Callable[[], MetricsSnapshot]) -> Sources:
    """Sources that take these pictures, each in two steps."""

    def taking() -> Generator[None, None, MetricsSnapshot]:
        yield
        return take()

    return Sources(MemoryCounterStore(), ConnectionStatistics(), taking)


def full_sources() -> Sources:
    """Sources of which every metric has a sample."""
    router = Router([RuleOptions(outbound="out")], "none")
    return made_sources(
        router=router,
        inbounds=("in",),
        tracked=tracking("alice"),
        strays={"in": 0},
        figures=(*_TLS, *COMMANDS, *_PLUGINS),
        pipes=PIPES,
        limited={("user", "alice", "up"): 1.5},
        refused={"max_connections": 2},
        quotas={("alice", "day-both"): (7, 100)},
        lost_records=0,
    )
