"""What runs: commands, pipes, and which pipetwist this is."""

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
        yield from self._commands()
        pipes = self._sources.pipes
        if pipes is not None:
            yield GaugeMetricFamily("pipetwist_pipes_lent", "Pipes that the kernel moves bytes through now.", pipes.lent)
            yield GaugeMetricFamily("pipetwist_pipes_idle", "Pipes that wait to be used.", pipes.idle)
            yield GaugeMetricFamily("pipetwist_pipes_limit", "Pipes that may be used at once. Beyond that bytes are copied.", pipes.limit)
        versions = {"version": __version__, "python": platform.python_version(), "twisted": twisted.__version__}
        yield InfoMetricFamily("pipetwist_build", "Which pipetwist this is, and what it runs on.", versions)

    def _commands(self) -> Iterator[Metric]:
        running = GaugeMetricFamily("pipetwist_commands_running", "Commands that have not ended yet.", labels=("outbound",))
        ready = GaugeMetricFamily("pipetwist_commands_ready", "Commands that wait for a connection, started ahead.", labels=("outbound",))
        started = CounterMetricFamily("pipetwist_commands_started", "Commands that have been started.", labels=("outbound",))
        for tag, commands in self._sources.commands().items():
            running.add_metric((tag,), commands.processes)
            ready.add_metric((tag,), commands.ready)
            started.add_metric((tag,), commands.started)
        yield from (running, ready, started)
