"""What the metrics are read from. Each is asked for anew at every scrape, in a thread: what runs may have changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pipetwist.interfaces import ICounterStore
from pipetwist.metrics.tally import ConnectionTally
from pipetwist.stats.names import Entity

__all__ = ["Commands", "Pipes", "Sources"]


class Commands(Protocol):
    """An outbound's commands, as `pipetwist.outbounds.fork.ForkOutbound` tells of them."""

    @property
    def processes(self) -> int:
        """How many have not ended yet."""

    @property
    def ready(self) -> int:
        """How many of those wait for a connection."""

    @property
    def started(self) -> int:
        """How many have been started."""


class Pipes(Protocol):
    """Pipes to splice through, as `pipetwist.kernel.pipe_pool.PipePool` tells of them."""

    @property
    def lent(self) -> int:
        """How many are in use."""

    @property
    def idle(self) -> int:
        """How many wait to be used."""

    @property
    def limit(self) -> int:
        """How many may be in use at once."""


@dataclass(frozen=True)
class Sources:
    """What the metrics are read from.

    Attributes:
        store: the counters.
        tally: the connections.
        counted: the inbounds, outbounds and users that are to be counted, by their names, whether they have a counter yet or not.
        routes: for the tag of each inbound those of the outbounds that its connections may go to.
        strays: for the tag of each inbound of datagrams how many it has dropped that belonged to no connection.
        commands: the outbounds that start commands, by their tags.
        pipes: pipes to splice through; None where the kernel moves nothing.
    """

    store: ICounterStore
    tally: ConnectionTally
    counted: Callable[[], Iterable[tuple[Entity, str]]]
    routes: Callable[[], Mapping[str, Iterable[str]]]
    strays: Callable[[], Mapping[str, int]]
    commands: Callable[[], Mapping[str, Commands]]
    pipes: Pipes | None = None
