"""Metrics of connections: how many, how long, and why they failed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from pipetwist.connection.cause import Cause
from pipetwist.metrics.sources import Sources
from pipetwist.metrics.statistics import BOUNDS, PairStatistics

__all__ = ["ConnectionsCollector"]

_REJECTIONS = (Cause.REFUSED, Cause.HANDSHAKE, Cause.INTERNAL)
_UNDER_WAY = tuple(cause for cause in Cause if cause not in (Cause.REFUSED, Cause.HANDSHAKE))
_ENDS = ("inbound", "outbound")
_BOUNDS = (*map(floatToGoString, BOUNDS), "+Inf")


class ConnectionsCollector(Collector):
    """Reads the statistics of connections. Every counter exists at 0 before its first event.

    Args:
        sources: what it reads.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Read it."""
        total = CounterMetricFamily(
            "pipetwist_connections", "Connections that have begun.", labels=_ENDS
        )
        still_open = GaugeMetricFamily(
            "pipetwist_open_connections", "Connections that are open now.", labels=_ENDS
        )
        durations = HistogramMetricFamily(
            "pipetwist_connection_duration_seconds",
            "How long connections have lasted, of those that are over.",
            labels=_ENDS,
        )
        failures = CounterMetricFamily(
            "pipetwist_connection_failures",
            "Connections that failed. Those that were refused, or lost in a TLS handshake, "
            "have no outbound.",
            labels=(*_ENDS, "cause"),
        )
        dropped = CounterMetricFamily(
            "pipetwist_datagrams_dropped",
            "Datagrams dropped by connections that are over. Those that came in and belonged "
            "to none have no outbound.",
            labels=_ENDS,
        )
        snapshot = self._sources.snapshot
        routes = snapshot.routes()
        pairs = {
            (inbound, outbound): PairStatistics()
            for inbound, outbounds in routes.items()
            for outbound in outbounds
        }
        for ends, pair in {**pairs, **self._sources.statistics.pairs()}.items():
            # Each is read once, in this order: a connection that closes meanwhile counts as open,
            # and never as closed without having begun.
            over = list(accumulate(pair.durations))
            opened = pair.opened
            total.add_metric(ends, opened)
            still_open.add_metric(ends, opened - over[-1])
            durations.add_metric(ends, list(zip(_BOUNDS, over, strict=True)), pair.seconds)
            dropped.add_metric(ends, pair.dropped)
            for cause in _UNDER_WAY:
                failures.add_metric((*ends, cause.value), pair.failures[cause])
        rejections = {(inbound, cause): 0 for inbound in routes for cause in _REJECTIONS}
        for (inbound, why), count in {
            **rejections,
            **self._sources.statistics.rejections(),
        }.items():
            failures.add_metric((inbound, "", why.value), count)
        for inbound, count in snapshot.strays.items():
            dropped.add_metric((inbound, ""), count)
        yield from (total, still_open, durations, failures, dropped)
