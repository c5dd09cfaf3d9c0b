"""The calls, over gRPC, with the semantics that docs/stats-api.md lists."""

from __future__ import annotations

import gc
import time
from threading import Lock
from typing import Any, cast

import grpc
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api import servicer
from pipetwist.api.process import CollectorTime
from pipetwist.api.query import DEFAULT_BOUNDS, Bounds
from pipetwist.api.servicer import StatsServicer
from pipetwist.api.services import V2RAY_SERVICE, XRAY_SERVICE
from pipetwist.api.wire.stats_pb2 import QueryStatsRequest, QueryStatsResponse
from pipetwist.stats.counters import MemoryCounter, MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from tests.support.api_server import Client, counted, start_api

_UPLINK = "inbound>>>in>>>traffic>>>uplink"
_DOWNLINK = "inbound>>>in>>>traffic>>>downlink"
_ALICE = "user>>>alice>>>traffic>>>uplink"


class StatsCallsTest(SynchronousTestCase):
    """GetStats and QueryStats under the name that Xray's clients call; the other name's tests are
    below.
    """

    service = XRAY_SERVICE

    def setUp(self) -> None:
        """Serve three counters."""
        self.store = counted({_UPLINK: 10, _DOWNLINK: 0, _ALICE: 2**63})
        self.client = Client(self, start_api(self, self.store), self.service)

    def query(self, **fields: object) -> list[tuple[str, int]]:
        """The names and values of an answer to QueryStats."""
        return [(stat.name, stat.value) for stat in self.client.call("QueryStats", **fields).stat]

    def test_get(self) -> None:
        """GetStats gives one counter, by its whole name."""
        stat = self.client.call("GetStats", name=_UPLINK).stat
        self.assertEqual((stat.name, stat.value), (_UPLINK, 10))
        self.assertEqual(
            self.client.error("GetStats", name=_UPLINK[:-1])[0], grpc.StatusCode.NOT_FOUND
        )

    def test_get_and_reset(self) -> None:
        """GetStats with reset gives the value that it ends; the counter goes on from 0, its total
        too.
        """
        self.assertEqual(self.client.call("GetStats", name=_UPLINK, reset=True).stat.value, 10)
        self.store.counter(_UPLINK).add(3)
        self.assertEqual(self.client.call("GetStats", name=_UPLINK).stat.value, 3)
        self.assertEqual(self.store.counter(_UPLINK).total(), 13)

    def test_get_unknown(self) -> None:
        """GetStats of a name that does not exist is NOT_FOUND with the text that clients look for,
        and makes nothing.
        """
        for reset in (False, True):
            self.assertEqual(
                self.client.error("GetStats", name="nope", reset=reset),
                (grpc.StatusCode.NOT_FOUND, "nope not found."),
            )
        self.assertIsNone(self.store.get("nope"))

    def test_saturation(self) -> None:
        """A value beyond an int64 is given as the largest that it holds, by both calls."""
        self.assertEqual(self.client.call("GetStats", name=_ALICE).stat.value, 2**63 - 1)
        self.assertEqual(self.query(pattern="alice"), [(_ALICE, 2**63 - 1)])
        self.assertEqual(
            self.client.call("GetStats", name=_ALICE, reset=True).stat.value, 2**63 - 1
        )
        self.assertEqual(self.client.call("GetStats", name=_ALICE).stat.value, 0)

    def test_query_everything(self) -> None:
        """QueryStats without a pattern gives everything by name, counters at 0 too."""
        self.assertEqual(self.query(), [(_DOWNLINK, 0), (_UPLINK, 10), (_ALICE, 2**63 - 1)])

    def test_query_fields(self) -> None:
        """QueryStats knows pattern, patterns and regexp."""
        self.assertEqual(self.query(pattern="uplink"), [(_UPLINK, 10), (_ALICE, 2**63 - 1)])
        self.assertEqual(
            self.query(patterns=["downlink", "inbound"]), [(_DOWNLINK, 0), (_UPLINK, 10)]
        )
        self.assertEqual(self.query(pattern="^inbound.*uplink$", regexp=True), [(_UPLINK, 10)])
        self.assertEqual(self.query(pattern="^inbound.*uplink$"), [])
        self.assertEqual(self.query(patterns=[""])[0], (_DOWNLINK, 0))

    def test_query_and_reset(self) -> None:
        """QueryStats with reset resets what is in its answer, and nothing else."""
        self.assertEqual(self.query(pattern="inbound", reset=True), [(_DOWNLINK, 0), (_UPLINK, 10)])
        self.assertEqual(self.query(), [(_DOWNLINK, 0), (_UPLINK, 0), (_ALICE, 2**63 - 1)])

    def test_bad_expression(self) -> None:
        """A pattern that is not a regular expression is INVALID_ARGUMENT, is named, and resets
        nothing.
        """
        code, text = self.client.error("QueryStats", patterns=[".", "(in"], regexp=True, reset=True)
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn('"(in"', text)
        self.assertEqual(self.query(pattern=_UPLINK), [(_UPLINK, 10)])

    def test_abuse(self) -> None:
        """A query with 10,000 patterns, or one of a million characters, is refused, with the bound
        in the text, before it looks.
        """
        self.patch(self.store, "counters", lambda: None)  # whoever looks at one fails
        code, text = self.client.error("QueryStats", patterns=["x"] * 10_000, reset=True)
        self.assertEqual(
            (code, text),
            (grpc.StatusCode.INVALID_ARGUMENT, "the query has 10000 patterns; the limit is 100"),
        )
        code, text = self.client.error("QueryStats", pattern="x" * 1_000_000, reset=True)
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("the limit is 1000", text)
        self.assertEqual(
            self.client.error("QueryStats", pattern="x" * 5_000_000)[0],
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        )

    def test_slow_query(self) -> None:
        """A query that takes longer than it may is RESOURCE_EXHAUSTED, and resets nothing."""
        client = Client(self, start_api(self, self.store, bounds=Bounds(seconds=-1)), self.service)
        code, text = client.error("QueryStats", pattern="in", reset=True)
        self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertIn("ask for less", text)
        self.assertEqual(self.query(pattern=_UPLINK), [(_UPLINK, 10)])


class _Gone:
    """The context of a call whose client has gone."""

    def is_active(self) -> bool:
        return False


class GoneClientTest(SynchronousTestCase):
    """A client that goes while its query waits for its turn."""

    def test_reset(self) -> None:
        """Nothing is reset, since nobody would learn the values."""
        store = counted({_UPLINK: 10})
        answering = StatsServicer(
            store, OnlineUsers(lambda: 0.0), CollectorTime(), lambda: 0.0, DEFAULT_BOUNDS
        )
        answering.QueryStats(QueryStatsRequest(reset=True), cast("grpc.ServicerContext", _Gone()))
        self.assertEqual(store.counter(_UPLINK).value(), 10)


class _Here(_Gone):
    """The context of a call whose client is there."""

    def is_active(self) -> bool:
        return True

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()


class OneAtATimeTest(SynchronousTestCase):
    """Many who query at once."""

    def test_answer(self) -> None:
        """While one query is worked on, from its look at the counters to its whole answer, others
        wait: together they take no more from the relay than one does.
        """
        lock = Lock()
        self.patch(servicer, "Lock", lambda: lock)
        locked = []
        add = QueryStatsResponse().stat.add

        class Store(MemoryCounterStore):
            def counters(self) -> list[MemoryCounter]:
                locked.append(lock.locked())
                return super().counters()

        class Response:
            """Stands in for the answer, and for the list of its counters."""

            @property
            def stat(self) -> Response:
                return self

            def add(self, **fields: Any) -> None:
                locked.append(lock.locked())
                add(**fields)

        self.patch(servicer, "QueryStatsResponse", Response)
        store = Store()
        store.counter(_UPLINK)
        answering = StatsServicer(
            store, OnlineUsers(lambda: 0.0), CollectorTime(), lambda: 0.0, DEFAULT_BOUNDS
        )
        answering.QueryStats(QueryStatsRequest(), cast("grpc.ServicerContext", _Here()))
        self.assertEqual((locked, lock.locked()), ([True, True], False))


class V2RayNameTest(StatsCallsTest):
    """The same calls under the name that V2Ray's and sing-box's clients call."""

    service = V2RAY_SERVICE


class SysStatsTest(SynchronousTestCase):
    """GetSysStats."""

    def test_fields(self) -> None:
        """Fields with a truthful figure have it, those without stay 0, under both names."""
        clock = Clock()
        api = start_api(self, clock=clock.seconds)
        clock.advance(61.9)
        for service in (V2RAY_SERVICE, XRAY_SERVICE):
            answer = Client(self, api, service).call("GetSysStats")
            self.assertEqual(answer.Uptime, 61)
            self.assertGreater(answer.NumGoroutine, 1)
            self.assertGreater(answer.NumGC, 0)
            self.assertGreater(answer.LiveObjects, 1000)
            self.assertGreater(answer.Alloc, 1024 * 1024)
            self.assertGreater(answer.Sys, answer.Alloc)
            self.assertEqual((answer.TotalAlloc, answer.Mallocs, answer.Frees), (0, 0, 0))

    def test_pauses(self) -> None:
        """PauseTotalNs grows by the time of the collector's runs, in nanoseconds."""
        client = Client(self, start_api(self), V2RAY_SERVICE)
        # Callbacks before and behind the API's own say between which bounds its figure lies,
        # however slow the machine is.
        times: dict[str, list[int]] = {"start": [], "stop": []}

        def mark(phase: str, info: object) -> None:
            times[phase].append(time.perf_counter_ns())

        before = self._stats_without_collector(client)
        gc.callbacks.insert(0, mark)
        gc.callbacks.append(mark)
        self.addCleanup(gc.callbacks.remove, mark)
        self.addCleanup(gc.callbacks.remove, mark)
        gc.collect()
        after = client.call("GetSysStats")
        self.assertEqual(after.NumGC, before.NumGC + 1)
        (longer, shorter), (stopped, over) = times["start"], times["stop"]
        pause = after.PauseTotalNs - before.PauseTotalNs
        self.assertTrue(
            stopped - shorter <= pause <= over - longer, (stopped - shorter, pause, over - longer)
        )

    def _stats_without_collector(self, client: Client) -> Any:
        """The figures, after which the collector runs only where the test has it run."""
        self.addCleanup(gc.enable)
        gc.disable()
        return client.call("GetSysStats")


class OnlineCallsTest(SynchronousTestCase):
    """Xray's calls about the users who are online."""

    def setUp(self) -> None:
        """Two users are online, one of them from two sources, and one has left."""
        clock = Clock()
        clock.advance(500)
        self.online = OnlineUsers(clock.seconds)
        self.online.opened("bob", "192.0.2.2")
        self.online.opened("carol", "pid:1")
        self.online.closed("carol", "pid:1")
        clock.advance(7)
        self.online.opened("alice", "pid:9")
        self.online.opened("alice", "192.0.2.1")
        self.online.opened("alice", "192.0.2.1")
        self.store = counted(
            {
                _ALICE: 10,
                "user>>>alice>>>traffic>>>downlink": 2**63,
                "user>>>carol>>>traffic>>>uplink": 4,
                "inbound>>>alice>>>traffic>>>uplink": 9,
            }
        )
        self.client = Client(self, start_api(self, self.store, self.online), XRAY_SERVICE)

    def test_count(self) -> None:
        """GetStatsOnline gives the number of a user's sources, 0 for one who has left; it ignores
        reset.
        """
        for user, sources in (("alice", 2), ("bob", 1), ("carol", 0)):
            for reset in (True, False):
                stat = self.client.call(
                    "GetStatsOnline", name=f"user>>>{user}>>>online", reset=reset
                ).stat
                self.assertEqual((stat.name, stat.value), (f"user>>>{user}>>>online", sources))

    def test_sources(self) -> None:
        """GetStatsOnlineIpList gives a user's sources and when each was last seen; none for one who
        has left.
        """
        answer = self.client.call("GetStatsOnlineIpList", name="user>>>alice>>>online")
        self.assertEqual(
            (answer.name, dict(answer.ips)),
            ("user>>>alice>>>online", {"pid:9": 507, "192.0.2.1": 507}),
        )
        self.assertEqual(
            dict(self.client.call("GetStatsOnlineIpList", name="user>>>carol>>>online").ips), {}
        )

    def test_unknown(self) -> None:
        """A user who was never here, and a name of another kind, are NOT_FOUND with the text that
        clients look for.
        """
        for method in ("GetStatsOnline", "GetStatsOnlineIpList"):
            for name in ("user>>>dave>>>online", "alice", _ALICE):
                self.assertEqual(
                    self.client.error(method, name=name),
                    (grpc.StatusCode.NOT_FOUND, f"{name} not found."),
                )

    def test_everybody(self) -> None:
        """GetAllOnlineUsers gives the names of those who are online, by name."""
        self.assertEqual(
            list(self.client.call("GetAllOnlineUsers").users),
            ["user>>>alice>>>online", "user>>>bob>>>online"],
        )

    def test_users(self) -> None:
        """GetUsersStats gives those who are online with their sources, and no traffic, nor a reset,
        where it is not asked for.
        """
        users = self.client.call("GetUsersStats", reset=True).users
        self.assertEqual(
            [(user.email, [(entry.ip, entry.last_seen) for entry in user.ips]) for user in users],
            [("alice", [("192.0.2.1", 507), ("pid:9", 507)]), ("bob", [("192.0.2.2", 500)])],
        )
        self.assertFalse(any(user.HasField("traffic") for user in users))
        self.assertEqual(self.store.counter(_ALICE).value(), 10)

    def test_traffic(self) -> None:
        """GetUsersStats gives traffic where it is asked for, 0 for a user who is not counted, and
        saturates.
        """
        users = self.client.call("GetUsersStats", include_traffic=True).users
        self.assertEqual(
            [(user.email, user.traffic.uplink, user.traffic.downlink) for user in users],
            [("alice", 10, 2**63 - 1), ("bob", 0, 0)],
        )
        self.assertTrue(all(user.HasField("traffic") for user in users))
        self.assertIsNone(self.store.get("user>>>bob>>>traffic>>>uplink"))

    def test_traffic_and_reset(self) -> None:
        """GetUsersStats with traffic and reset resets the counters of its answer, and no others."""
        self.assertEqual(
            self.client.call("GetUsersStats", include_traffic=True, reset=True)
            .users[0]
            .traffic.uplink,
            10,
        )
        self.assertEqual([counter.value() for counter in self.store.counters()], [9, 0, 0, 4])
