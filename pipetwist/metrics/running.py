"""Metrics of what runs: the figures of inbounds and outbounds, pipes, and the version of
pipetwist.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

import twisted
from pipetwist import __version__
from pipetwist.metrics.sources import Sources

__all__ = ["RunningCollector"]


class RunningCollector(Collector):
    """Reads what runs.

    Args:
        sources: what it reads.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Read it."""
        snapshot = self._sources.snapshot
        for whose, figure, values in snapshot.figures:
            kind = CounterMetricFamily if figure.grows else GaugeMetricFamily
            family = kind(figure.name, figure.description, labels=(whose,))
            for tag, value in values.items():
                family.add_metric((tag,), value)
            yield family
        pipes = snapshot.pipes
        if pipes is not None:
            yield GaugeMetricFamily(
                "pipetwist_pipes_lent", "Pipes that the kernel moves bytes through now.", pipes.lent
            )
            yield GaugeMetricFamily(
                "pipetwist_pipes_idle", "Pipes that wait to be used.", pipes.idle
            )
            yield GaugeMetricFamily(
                "pipetwist_pipes_limit",
                "Pipes that may be used at once. Beyond that bytes are copied.",
                pipes.limit,
            )
        if snapshot.lost_records is not None:
            yield CounterMetricFamily(
                "pipetwist_connection_records_lost",
                "Ended connections that the file of connection records lacks.",
                snapshot.lost_records,
            )
        versions = {
            "version": __version__,
            "python": platform.python_version(),
            "twisted": twisted.__version__,
        }
        yield InfoMetricFamily(
            "pipetwist_build", "Which pipetwist this is, and what it runs on.", versions
        )
