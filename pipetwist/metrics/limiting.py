"""Metrics of limits: for how long they held somebody back, and whom they refused."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from pipetwist.metrics.sources import Sources

__all__ = ["LimitsCollector"]


class LimitsCollector(Collector):
    """Reads the figures of the limits.

    Args:
        sources: what it reads.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Read them."""
        limited = CounterMetricFamily(
            "pipetwist_limited_seconds",
            "How long bytes were held back by a rate.",
            labels=("entity", "tag", "direction"),
        )
        refused = CounterMetricFamily(
            "pipetwist_refused", "Connections that a limit has refused.", labels=("reason",)
        )
        snapshot = self._sources.snapshot
        for labels, seconds in snapshot.limited.items():
            limited.add_metric(labels, seconds)
        for reason, count in snapshot.refused.items():
            refused.add_metric((reason,), count)
        used = GaugeMetricFamily(
            "pipetwist_quota_used_bytes",
            "Bytes that a user has used in this period.",
            labels=("user", "quota"),
        )
        amount = GaugeMetricFamily(
            "pipetwist_quota_bytes",
            "Bytes that a user may use in a period.",
            labels=("user", "quota"),
        )
        for whose, (spent, most) in snapshot.quotas.items():
            used.add_metric(whose, spent)
            amount.add_metric(whose, most)
        yield from (limited, refused, used, amount)
