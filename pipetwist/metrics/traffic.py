"""Traffic: the totals of the counters, which no reset of the API touches."""

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

    One that is to be is there at 0 before its first connection: Prometheus sees a counter's growth
    only from what it has seen before.

    Args:
        sources: what it reads.
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
