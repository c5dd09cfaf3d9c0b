"""Counts connections when they open and close, by inbound and outbound."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.interfaces import IConnectionObserver, IConnectionRecord

__all__ = ["BOUNDS", "ConnectionStatistics", "LastFailure", "PairStatistics"]

BOUNDS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0, 1800.0, 7200.0, 43200.0)
"""The upper bounds of the histogram of durations, in seconds: from a short request to a shell that
is open all day.
"""


class LastFailure(NamedTuple):
    """The last connection that failed for a cause, or the last client who was rejected.

    Attributes:
        time: when, in seconds since the epoch.
        reason: why, for people, as in the log; empty where only the cause is known.
    """

    time: float
    reason: str


class PairStatistics:
    """The connections between one inbound and one outbound.

    Every figure only grows, and is written only in the reactor's thread; others may read.

    Attributes:
        opened: how many have opened.
        seconds: the sum of the durations of closed ones.
        durations: how many have lasted up to each of `BOUNDS`, but longer than the bound before,
            and how many longer than any.
        failures: how many of them each cause came in the way of.
        last: the last one of each cause that came.
        dropped: datagrams that they have dropped.
    """

    __slots__ = ("dropped", "durations", "failures", "last", "opened", "seconds")

    def __init__(self) -> None:
        self.opened = 0
        self.seconds = 0.0
        self.dropped = 0
        self.durations = [0] * (len(BOUNDS) + 1)
        self.failures = dict.fromkeys(Cause, 0)
        self.last: dict[Cause, LastFailure] = {}


@implementer(IConnectionObserver)
class ConnectionStatistics:
    """Observes connections, and counts them.

    Args:
        now: the time in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._pairs: dict[tuple[str, str], PairStatistics] = {}
        self._rejections: dict[tuple[str, Cause], int] = {}
        self._rejected: dict[tuple[str, Cause], LastFailure] = {}

    def pairs(self) -> dict[tuple[str, str], PairStatistics]:
        """The statistics of each pair of inbound and outbound, by their tags. From any thread."""
        return self._pairs.copy()

    def rejections(self) -> dict[tuple[str, Cause], int]:
        """How many clients each inbound has rejected, by its tag and the cause. From any thread."""
        return self._rejections.copy()

    def last_rejection(self, inbound: str, cause: Cause) -> LastFailure:
        """The last client whom an inbound has rejected for a cause that it has rejected some for.
        From any thread.
        """
        return self._rejected[inbound, cause]

    def opened(self, connection: IConnectionRecord) -> None:
        ends = connection.client_info.inbound, connection.outbound
        pair = self._pairs.get(ends)
        if pair is None:
            pair = self._pairs[ends] = PairStatistics()
        pair.opened += 1

    def closed(self, connection: IConnectionRecord, seconds: float) -> None:
        pair = self._pairs[connection.client_info.inbound, connection.outbound]
        pair.durations[bisect_left(BOUNDS, seconds)] += 1
        pair.seconds += seconds
        pair.dropped += connection.dropped
        if connection.cause is not None:
            pair.failures[connection.cause] += 1
            pair.last[connection.cause] = LastFailure(self._now(), connection.reason)

    def rejected(self, inbound: str, cause: Cause) -> None:
        self._rejected[inbound, cause] = LastFailure(self._now(), "")
        self._rejections[inbound, cause] = self._rejections.get((inbound, cause), 0) + 1
