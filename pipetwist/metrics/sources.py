"""The sources of the metrics: the counters and the statistics, which any thread may read, and a
snapshot of the rest, which the reactor's thread makes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pipetwist.interfaces import CounterStoreLike
from pipetwist.kinds.figures import Figure
from pipetwist.metrics.statistics import ConnectionStatistics
from pipetwist.routing.router import Router
from pipetwist.stats.names import Entity
from pipetwist.stats.tracking import Tracked
from pipetwist.steps import at_once, in_turns

__all__ = ["MetricsSnapshot", "Pipes", "Sources"]


class Pipes(NamedTuple):
    """The figures of `pipetwist.kernel.pipe_pool.PipePool`.

    Attributes:
        lent: how many are in use.
        idle: how many wait to be used.
        limit: how many may be in use at once.
    """

    lent: int
    idle: int
    limit: int


@dataclass(frozen=True)
class MetricsSnapshot:
    """What a scrape shows besides the counters and the statistics. It never changes.

    Attributes:
        router: chooses where connections go.
        inbounds: the tags of the inbounds.
        tracked: what is counted, whether it has a counter yet or not; None for nothing.
        strays: for the tag of each inbound for datagrams, how many dropped ones belonged to no
            connection.
        figures: for each figure of the kinds, ``inbound`` or ``outbound``, and its value for each
            tag.
        pipes: pipes to splice through; None if the kernel moves no bytes.
        limited: for how many seconds somebody was held back by a rate: by ``inbound``,
            ``outbound`` or ``user``, its tag or name, and ``up`` or ``down``.
        refused: connections that were refused, by the key of the limit.
        quotas: for the name of each user who was seen, and what is counted of it for how long,
            the bytes used and the bytes that there are.
        lost_records: how many connection records were lost; None if none are written.
    """

    router: Router
    inbounds: Sequence[str] = ()
    tracked: Tracked | None = None
    strays: Mapping[str, int] = field(default_factory=dict)
    figures: Sequence[tuple[str, Figure, Mapping[str, float]]] = ()
    pipes: Pipes | None = None
    limited: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    quotas: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    lost_records: int | None = None

    def routes(self) -> dict[str, list[str]]:
        """For the tag of each inbound, the tags of the outbounds that its connections may go to."""
        return {tag: self.router.reachable(tag) for tag in self.inbounds}

    def counted(self) -> Iterable[tuple[Entity, str]]:
        """The inbounds, outbounds and users that are counted."""
        return () if self.tracked is None else self.tracked.names()


class Sources:
    """What the metrics are read from.

    Args:
        store: the counters.
        statistics: the connections.
        take: makes a snapshot of the rest, in the reactor's thread, in small steps.
    """

    def __init__(
        self,
        store: CounterStoreLike,
        statistics: ConnectionStatistics,
        take: Callable[[], Generator[None, None, MetricsSnapshot]],
    ) -> None:
        self.store = store
        self.statistics = statistics
        self._take = take
        self.snapshot = at_once(take())
        """The latest snapshot."""

    def renew(self, clock: IReactorTime) -> Deferred[None]:
        """Make another snapshot; in the reactor's thread, while no other thread reads.

        Args:
            clock: the reactor.

        Returns:
            A Deferred that fires when it is made.
        """

        def made(snapshot: MetricsSnapshot) -> None:
            self.snapshot = snapshot

        return in_turns(clock, self._take()).addCallback(made)
