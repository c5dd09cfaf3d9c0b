"""What each collector shows of what it reads."""

from __future__ import annotations

import platform
from copy import copy
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import pipetwist
import twisted
from pipetwist.connection.cause import Cause
from pipetwist.metrics.connections import ConnectionsCollector
from pipetwist.metrics.resource import registry_of
from pipetwist.metrics.sources import Sources
from pipetwist.metrics.statistics import PairStatistics
from tests.support.connection_records import made_up
from tests.support.metrics_sources import (
    COMMANDS,
    PIPES,
    made_sources,
    snapshot,
    sources_of,
    tracking,
)


class _CollectorCase(SynchronousTestCase):
    def show(self, sources: Sources) -> None:
        """Read from these from now on."""
        self.registry = registry_of(sources)

    def value(self, metric: str, **labels: str) -> float | None:
        """A sample's value; None if there is no such sample."""
        return self.registry.get_sample_value(metric, labels)


class TrafficTest(_CollectorCase):
    """Bytes."""

    def traffic(self, entity: str, tag: str) -> list[float | None]:
        """Both directions' bytes."""
        return [
            self.value("pipetwist_traffic_bytes_total", entity=entity, tag=tag, direction=way)
            for way in ("uplink", "downlink")
        ]

    def test_totals(self) -> None:
        """Each traffic counter's total is there, by what it counts, and the latest at each look;
        other counters are not.
        """
        sources = made_sources()
        self.show(sources)
        sources.store.counter("inbound>>>pipe-in>>>traffic>>>uplink").add(3)
        sources.store.counter("something>>>else").add(9)
        self.assertEqual(self.traffic("inbound", "pipe-in"), [3, None])
        sources.store.counter("inbound>>>pipe-in>>>traffic>>>uplink").add(2**40)
        self.assertEqual(self.traffic("inbound", "pipe-in"), [2**40 + 3, None])

    def test_resets(self) -> None:
        """A reset takes nothing from a total."""
        sources = made_sources()
        self.show(sources)
        counter = sources.store.counter("user>>>alice>>>traffic>>>downlink")
        counter.add(5)
        self.assertEqual((counter.reset(), self.traffic("user", "alice")), (5, [None, 5]))
        counter.add(2)
        self.assertEqual((counter.value(), self.traffic("user", "alice")), (2, [None, 7]))

    def test_before_the_first_byte(self) -> None:
        """What is to be counted is there at 0 before it has a counter, so that its first bytes are
        seen as growth.
        """
        pictures = [
            snapshot(tracked=tracking("alice", "bob")),
            snapshot(tracked=tracking("alice")),
            snapshot(tracked=tracking("alice")),
        ]
        sources, clock = sources_of(pictures.pop), Clock()
        self.show(sources)
        self.assertNoResult(renewed := sources.renew(clock))
        clock.advance(0)
        self.successResultOf(renewed)
        self.assertEqual(
            (self.traffic("user", "alice"), self.traffic("user", "bob")), ([0, 0], [None, None])
        )
        self.assertNoResult(renewed := sources.renew(clock))
        clock.advance(0)
        self.successResultOf(renewed)
        sources.store.counter("user>>>alice>>>traffic>>>uplink").add(1)
        self.assertEqual(
            (self.traffic("user", "alice"), self.traffic("user", "bob")), ([1, 0], [0, 0])
        )

    def test_any_name(self) -> None:
        """A name may have anything in it, and stays one label's value in what is written."""
        name = 'quote " backslash \\ comma , brace } ü'
        self.show(made_sources(tracked=tracking(name)))
        self.assertEqual(self.traffic("user", name), [0, 0])


class _BusyWay(PairStatistics):
    """Once any of its figures has been read, one more connection has begun and ended."""

    def __getattribute__(self, name: str) -> Any:
        found = copy(super().__getattribute__(name))
        if name in PairStatistics.__slots__:
            self.opened = super().__getattribute__("opened") + 1
            super().__getattribute__("durations")[0] += 1
        return found


class ConnectionsTest(_CollectorCase):
    """Connections, from "in" to "out"."""

    def setUp(self) -> None:
        """Know one way."""
        self.sources = made_sources(inbounds=("in",), strays={"in": 4})
        self.show(self.sources)

    def of_way(self, metric: str, **labels: str) -> float | None:
        """A figure of the way."""
        return self.value(f"pipetwist_{metric}", inbound="in", outbound="out", **labels)

    def test_nothing_yet(self) -> None:
        """Before anybody came everything is there at 0: a first failure is seen as growth."""
        for metric in (
            "connections_total",
            "open_connections",
            "connection_duration_seconds_count",
            "datagrams_dropped_total",
        ):
            self.assertEqual(self.of_way(metric), 0, metric)
        under_way = {
            Cause.CONNECT,
            Cause.INACTIVITY,
            Cause.CLIENT,
            Cause.SERVER,
            Cause.STOPPED,
            Cause.CLOSED,
            Cause.INTERNAL,
        }
        for cause in Cause:
            self.assertEqual(
                self.of_way("connection_failures_total", cause=cause.value),
                0 if cause in under_way else None,
            )
        for cause in (Cause.REFUSED, Cause.HANDSHAKE):
            self.assertEqual(
                self.value(
                    "pipetwist_connection_failures_total",
                    inbound="in",
                    outbound="",
                    cause=cause.value,
                ),
                0,
            )

    def test_counts(self) -> None:
        """Open ones, those that are over, how long they took, and what came in their way."""
        statistics = self.sources.statistics
        for _ in range(4):
            statistics.opened(made_up())
        statistics.closed(made_up(), 0.001)
        statistics.closed(made_up(cause=Cause.SERVER, dropped=3), 4.0)
        statistics.closed(made_up(cause=Cause.INACTIVITY, dropped=2), 1e6)
        statistics.rejected("in", Cause.REFUSED)
        self.assertEqual(
            (self.of_way("connections_total"), self.of_way("open_connections")), (4, 1)
        )
        buckets = [
            self.of_way("connection_duration_seconds_bucket", le=bound)
            for bound in ("0.005", "2.5", "10.0", "43200.0", "+Inf")
        ]
        self.assertEqual(buckets, [1, 1, 2, 2, 3])
        self.assertEqual(self.of_way("connection_duration_seconds_count"), 3)
        self.assertEqual(self.of_way("connection_duration_seconds_sum"), 1000004.001)
        self.assertEqual(
            [
                self.of_way("connection_failures_total", cause=cause)
                for cause in ("server", "inactivity", "client")
            ],
            [1, 1, 0],
        )
        self.assertEqual(
            self.value(
                "pipetwist_connection_failures_total", inbound="in", outbound="", cause="refused"
            ),
            1,
        )
        self.assertEqual(self.of_way("datagrams_dropped_total"), 5)
        self.assertEqual(
            self.value("pipetwist_datagrams_dropped_total", inbound="in", outbound=""), 4
        )

    def test_way_that_is_no_more(self) -> None:
        """What was counted on a way that the route has no longer stays."""
        self.sources.statistics.opened(made_up("old", "gone"))
        self.assertEqual(
            self.value("pipetwist_connections_total", inbound="old", outbound="gone"), 1
        )

    def test_meanwhile(self) -> None:
        """Connections that begin and end while they are read leave the figures in agreement: none
        is over that has not begun.
        """
        self.sources.statistics._pairs["in", "out"] = _BusyWay()
        families = {family.name: family for family in ConnectionsCollector(self.sources).collect()}
        begun = families["pipetwist_connections"].samples[0].value
        still_open = families["pipetwist_open_connections"].samples[0].value
        durations = families["pipetwist_connection_duration_seconds"].samples
        (over,) = (sample.value for sample in durations if sample.name.endswith("_count"))
        self.assertGreaterEqual(still_open, 0)
        self.assertEqual(begun - over, still_open)

    def test_names(self) -> None:
        """Nothing but these is shown of connections: a new one has to be in the documentation."""
        registry = CollectorRegistry()
        registry.register(ConnectionsCollector(self.sources))
        self.assertEqual(
            [family.name for family in registry.collect()],
            [
                "pipetwist_connections",
                "pipetwist_open_connections",
                "pipetwist_connection_duration_seconds",
                "pipetwist_connection_failures",
                "pipetwist_datagrams_dropped",
            ],
        )


class RunningTest(_CollectorCase):
    """Commands, pipes and the build."""

    def test_commands(self) -> None:
        """Of each outbound's commands those that run, wait, and were started."""
        self.show(made_sources(figures=COMMANDS))
        figures = [
            self.value(f"pipetwist_commands_{name}", outbound="tool")
            for name in ("running", "ready", "started_total")
        ]
        self.assertEqual(figures, [3, 2, 7])

    def test_pipes(self) -> None:
        """Pipes are there where the kernel moves bytes."""
        for pipes, expected in ((PIPES, [4, 5, 32]), (None, [None] * 3)):
            self.show(made_sources(pipes=pipes))
            self.assertEqual(
                [self.value(f"pipetwist_pipes_{name}") for name in ("lent", "idle", "limit")],
                expected,
            )

    def test_build(self) -> None:
        """The versions of all that it is made of."""
        self.show(made_sources())
        labels = {
            "version": pipetwist.__version__,
            "python": platform.python_version(),
            "twisted": twisted.__version__,
        }
        self.assertEqual(self.value("pipetwist_build_info", **labels), 1)

    def test_process(self) -> None:
        """The process's own figures are there, too."""
        self.show(made_sources())
        self.assertGreater(self.value("process_resident_memory_bytes") or 0, 1e6)
        self.assertGreater(self.value("process_open_fds") or 0, 2)


class LimitsTest(_CollectorCase):
    """Limits."""

    def test_limits(self) -> None:
        """How long each rate has held somebody back, and how many connections were refused why."""
        limited = {("user", "alice", "up"): 1.5}
        self.show(made_sources(limited=limited, refused={"max_sources": 3}))
        self.assertEqual(
            self.value(
                "pipetwist_limited_seconds_total", entity="user", tag="alice", direction="up"
            ),
            1.5,
        )
        self.assertEqual(self.value("pipetwist_refused_total", reason="max_sources"), 3)

    def test_quotas(self) -> None:
        """What each user has used, and how much there is."""
        self.show(made_sources(quotas={("alice", "day-both"): (7, 100)}))
        for name, value in (("pipetwist_quota_used_bytes", 7), ("pipetwist_quota_bytes", 100)):
            self.assertEqual(self.value(name, user="alice", quota="day-both"), value)
