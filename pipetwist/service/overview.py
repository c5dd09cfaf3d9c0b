"""What an operator asks first of a tree: what listens, what failed, and what came of the last
reload.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipetwist import __version__
from pipetwist.control.status import (
    FailedConnections,
    HeldBack,
    LastReload,
    LimitHit,
    Listener,
    Status,
)
from pipetwist.metrics.statistics import ConnectionStatistics
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.generation import Generation

__all__ = ["Overview"]

_BESIDES = ("experimental.v2ray_api", "control", "metrics")
_MAX_HELD = 20  # limits that are told


class Overview:
    """Knows the state of a tree.

    Args:
        current: the current generation. Connections are counted if its configuration has metrics
            or the control service.
        connections: the connections of the tree.
        started: when it was started, in seconds since the epoch.
    """

    def __init__(
        self,
        current: Current[Generation],
        connections: ConnectionTable,
        started: float,
    ) -> None:
        self._current = current
        self._connections = connections
        self._started = started
        self._began = connections.clock.seconds()
        self.reload: LastReload | None = None
        """What came of the last reload; None if there was none."""
        self.statistics = ConnectionStatistics()
        """What became of connections."""
        self.besides: Sequence[Any] = ()  # Any: services of gRPC or HTTP, which are loaded late
        """The API, the control service and the HTTP listener, each with an ``address``; None for
        what the configuration has not.
        """
        document = current.now.document
        if document.metrics is not None or document.control is not None:
            connections.observe(self.statistics)

    def __repr__(self) -> str:
        return f"<Overview of {self._connections!r}, last reload {self.reload}>"

    def follow(self, reloading: Deferred[None]) -> Deferred[None]:
        """Note what comes of a reload."""
        return reloading.addCallbacks(self._reloaded, self._not_reloaded)

    def refused(self, problem: str) -> None:
        """Note that there was no reload, for a reason that may have several lines."""
        self.reload = LastReload(time.time(), problem)

    def status(self) -> Status:
        """The state now; in the reactor's thread."""
        limits = self._connections.limits
        refused = limits.admission.refused.items() if limits else ()
        return Status(
            version=__version__,
            started=self._started,
            uptime=self._connections.clock.seconds() - self._began,
            listeners=tuple(self._listeners()),
            open=len(self._connections),
            connections=self._connections.total,
            failures=tuple(self._failures()),
            refused=tuple((limit, count) for limit, count in refused if count),
            held=tuple(heapq.nlargest(_MAX_HELD, self._held(), key=attrgetter("seconds"))),
            reload=self.reload,
            hits=tuple(self._hits()),
        )

    def _listeners(self) -> Iterator[Listener]:
        generation = self._current.now
        for options in generation.document.inbounds:
            address = options.address
            inbound = generation.inbounds[options.tag]
            yield Listener(
                options.label,
                "" if address is None else str(address),
                getattr(inbound, "is_listening", True),
            )
        for name, part in zip(_BESIDES, self.besides, strict=False):
            if part is not None:
                there = part.address is not None
                yield Listener(name, str(part.address) if there else "", there)

    def _failures(self) -> Iterator[FailedConnections]:
        for (inbound, outbound), pair in self.statistics.pairs().items():
            for cause, count in pair.failures.items():
                if count:
                    yield FailedConnections(
                        inbound, outbound, cause.value, count, *pair.last[cause]
                    )
        for (inbound, cause), count in self.statistics.rejections().items():
            last = self.statistics.last_rejection(inbound, cause)
            yield FailedConnections(inbound, "", cause.value, count, *last)

    def _held(self) -> Iterator[HeldBack]:
        for key, seconds in self._connections.limits.held_seconds().items():
            if seconds:
                yield HeldBack(*key, seconds)

    def _hits(self) -> Iterator[LimitHit]:
        now, clock = time.time(), self._connections.clock.seconds()
        for (whose, limit), hit in self._connections.limits.notices.latest(_MAX_HELD):
            yield LimitHit(whose, limit, hit.count, now - (clock - hit.last))

    def _reloaded(self, _: None) -> None:
        self.reload = LastReload(time.time(), "")

    def _not_reloaded(self, failure: Failure) -> Failure:
        self.refused(str(failure.value))
        return failure
