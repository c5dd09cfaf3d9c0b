"""More calls, streams and connections than the server takes."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.reflection import REFLECTION_SERVICES
from pipetwist.api.services import SERVICES, V2RAY_SERVICE
from pipetwist.api.wire.stats_pb2 import QueryStatsRequest, QueryStatsResponse
from pipetwist.values.bind_address import PortAddress
from tests.support.api_server import (
    RPC_SECONDS,
    Client,
    SlowStore,
    counted,
    open_channel,
    start_api,
    stop_api,
    target_of,
)
from tests.support.scratch import wait_until

_SERVICES = len(SERVICES) + 1 + len(REFLECTION_SERVICES)  # with the health service


class CallsTest(SynchronousTestCase):
    """Many calls at once."""

    def test_more_than_threads(self) -> None:
        """More calls at once than there are threads are all answered."""
        client = Client(self, start_api(self, counted({"a": 1})), V2RAY_SERVICE)
        values: list[int] = []

        def call() -> None:
            values.append(client.call("GetStats", name="a").stat.value)

        threads = [threading.Thread(target=call) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(RPC_SECONDS)
        self.assertEqual(values, [1] * 40)

    def test_more_than_wait(self) -> None:
        """Of 80 calls that wait at once 64 are answered in the end, the others refused at once."""
        store = SlowStore()
        self.addCleanup(store.release.set)
        target = target_of(start_api(self, store))
        calls = []
        for _ in range(2):  # a connection has no more than 64 calls
            query = open_channel(self, target).unary_unary(
                f"/{V2RAY_SERVICE}/QueryStats",
                QueryStatsRequest.SerializeToString,
                QueryStatsResponse.FromString,
            )
            calls += [query.future(QueryStatsRequest(), timeout=RPC_SECONDS) for _ in range(40)]
        wait_until(lambda: sum(call.done() for call in calls) == 16, "calls to be refused")
        self.assertEqual(
            {call.code() for call in calls if call.done()}, {grpc.StatusCode.RESOURCE_EXHAUSTED}
        )
        store.release.set()
        self.assertEqual(
            Counter(call.code() for call in calls),
            {grpc.StatusCode.OK: 64, grpc.StatusCode.RESOURCE_EXHAUSTED: 16},
        )


class ConnectionsTest(SynchronousTestCase):
    """Many connections at once."""

    def test_more_than_allowed(self) -> None:
        """Connections of one address beyond 64 are closed; clients that are connected go on."""
        api = start_api(self, counted({"a": 1}))
        assert isinstance(api.address, PortAddress)
        client = Client(self, api, V2RAY_SERVICE)
        self.assertEqual(client.call("GetStats", name="a").stat.value, 1)
        connections = []
        for _ in range(200):
            connection = socket.create_connection(
                (api.address.host, api.address.port), timeout=RPC_SECONDS
            )
            self.addCleanup(connection.close)
            connection.setblocking(False)
            connections.append(connection)
        wait_until(
            lambda: sum(map(_is_closed, connections)) >= 200 - 64, "connections to be closed"
        )
        self.assertEqual(client.call("GetStats", name="a").stat.value, 1)


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it; what it has said is read."""
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


class _IdleStream:
    """A reflection call that is kept open: it asks once, and then nothing until it is closed."""

    def __init__(self, case: SynchronousTestCase, channel: grpc.Channel) -> None:
        self._end = threading.Event()
        case.addCleanup(self._end.set)
        self._answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            self._requests(), timeout=60
        )

    def _requests(self) -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="*")
        self._end.wait(60)

    def answer(self) -> reflection_pb2.ServerReflectionResponse:
        """Its first answer."""
        return next(self._answers)

    def close(self) -> None:
        """End the call."""
        self._end.set()
        for _ in self._answers:
            pass


class StreamsTest(SynchronousTestCase):
    """Calls that stay open."""

    def setUp(self) -> None:
        """Serve a counter."""
        self.api = start_api(self, counted({"a": 1}))
        self.channel = open_channel(self, target_of(self.api))

    def test_idle_streams(self) -> None:
        """Streams that stay open leave threads to other calls: one more is refused, a query is
        answered, and ending one makes room.
        """
        streams = [_IdleStream(self, self.channel) for _ in range(3)]
        for stream in streams:
            self.assertEqual(len(stream.answer().list_services_response.service), _SERVICES)
        for _ in range(10):
            with self.assertRaises(grpc.RpcError) as caught:
                _IdleStream(self, self.channel).answer()
            self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(
            Client(self, self.api, V2RAY_SERVICE).call("GetStats", name="a").stat.value, 1
        )
        newer: Any = self.channel.stream_stream(
            f"/{REFLECTION_SERVICES[0]}/ServerReflectionInfo", bytes, bytes
        )
        with self.assertRaises(grpc.RpcError) as caught:
            next(newer(iter([b""]), timeout=RPC_SECONDS))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        streams[0].close()
        wait_until(self._has_room, "the server to see that a stream has ended")

    def _has_room(self) -> bool:
        try:
            return (
                len(_IdleStream(self, self.channel).answer().list_services_response.service)
                == _SERVICES
            )
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            return False

    def test_watchers(self) -> None:
        """Watchers of the health service are limited too, apart from the streams of reflection."""
        health = health_pb2_grpc.HealthStub(self.channel)
        watches = [health.Watch(health_pb2.HealthCheckRequest(), timeout=60) for _ in range(3)]
        for watch in watches:
            self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        with self.assertRaises(grpc.RpcError) as caught:
            next(health.Watch(health_pb2.HealthCheckRequest(), timeout=60))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(
            len(_IdleStream(self, self.channel).answer().list_services_response.service), _SERVICES
        )

    def test_watchers_that_come_and_go(self) -> None:
        """Watchers that leave while others come, or while the service stops, hold nobody up."""
        ended = threading.Thread(target=self._come_and_go, daemon=True)
        ended.start()
        ended.join(60)
        self.assertFalse(ended.is_alive(), "the server or its stop stands still")

    def _come_and_go(self) -> None:
        for _ in range(30):
            api = start_api(self)
            with grpc.insecure_channel(target_of(api)) as channel:
                health = health_pb2_grpc.HealthStub(channel)
                watches = [
                    health.Watch(health_pb2.HealthCheckRequest(), timeout=RPC_SECONDS)
                    for _ in range(3)
                ]
                for watch in watches:
                    next(watch)
            stop_api(self, api)
