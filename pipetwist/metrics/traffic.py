"""Metrics of traffic: the totals of the counters, which resets by the API do not change."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from pipetwist.metrics.sources import Sources
from pipetwist.stats.names import DIRECTIONS, traffic_entity

__all__ = ["TrafficCollector"]


class TrafficCollector(Collector):
    """Reads the counters.

    Every counter exists at 0 before its first connection, because Prometheus sees growth only from
    a value that it has seen before.

    Args:
        sources: what is read.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Read them."""
        totals = {
            (entity, tag, direction): 0
            for entity, tag in self._sources.snapshot.counted()
            for direction in DIRECTIONS
        }
        for counter in self._sources.store.counters():
            names = traffic_entity(counter.name)
            if names is not None:
                totals[names] = counter.total()
        family = CounterMetricFamily(
            "pipetwist_traffic_bytes",
            "Bytes carried for an inbound, an outbound or a user, as its client sent them "
            "(uplink) and got them (downlink).",
            labels=("entity", "tag", "direction"),
        )
        for labels, total in totals.items():
            family.add_metric(labels, total)
        yield family
