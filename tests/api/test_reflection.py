"""Server reflection and the health service, asked by gRPC's own clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.services import SERVICES, V2RAY_SERVICE, XRAY_SERVICE
from tests.api.serving import RPC_SECONDS, Client, counted, open_channel, start_api, target_of
from tests.interop.scratch import wait_until

__all__ = ["HealthTest", "ReflectionTest", "StreamsTest"]

_OF_BOTH = {"GetStats", "QueryStats", "GetSysStats"}
_OF_XRAY = {"GetStatsOnline", "GetStatsOnlineIpList", "GetAllOnlineUsers", "GetUsersStats"}


class ReflectionTest(SynchronousTestCase):
    """A client that knows nothing of the messages, as grpcurl is."""

    def setUp(self) -> None:
        """Serve a counter."""
        api = start_api(self, counted({"inbound>>>in>>>traffic>>>uplink": 7, "outbound>>>out>>>traffic>>>uplink": 8}))
        self.channel = open_channel(self, target_of(api))
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = DescriptorPool(self.database)

    def test_list(self) -> None:
        """Both names of the service are listed, and gRPC's own services."""
        self.assertEqual(
            set(self.database.get_services()),
            {V2RAY_SERVICE, XRAY_SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"},
        )

    def test_describe(self) -> None:
        """Each name is described with its calls and messages, all in its own package."""
        for wire_name, calls in ((V2RAY_SERVICE, _OF_BOTH), (XRAY_SERVICE, _OF_BOTH | _OF_XRAY)):
            service = self.pool.FindServiceByName(wire_name)
            package = wire_name.removesuffix(".StatsService")
            self.assertEqual({call.name for call in service.methods}, calls)
            self.assertEqual(service.file.package, package)
            for call in service.methods:
                for message in (call.input_type, call.output_type):
                    self.assertEqual(message.full_name, f"{package}.{message.name}")

    def test_described_messages_are_those_served(self) -> None:
        """Every message is described with the numbers, types and names of the one that is served, nested ones and maps too."""
        for wire_name, service in SERVICES.items():
            package = wire_name.removesuffix(".StatsService")
            for served in service.file.message_types_by_name.values():
                described = self.pool.FindMessageTypeByName(f"{package}.{served.name}")
                self.assertEqual(
                    [(field.number, field.name, field.type, field.is_repeated) for field in described.fields],
                    [(field.number, field.name, field.type, field.is_repeated) for field in served.fields],
                )

    def test_own_services(self) -> None:
        """The health service and reflection itself are described as well."""
        for name in ("grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"):
            self.assertEqual(self.pool.FindServiceByName(name).full_name, name)

    def test_call_by_description(self) -> None:
        """What is described can be called: QueryStats with a request built from its description alone, under each name."""
        for wire_name in SERVICES:
            call = self.pool.FindServiceByName(wire_name).methods_by_name["QueryStats"]
            request = message_factory.GetMessageClass(call.input_type)
            response = message_factory.GetMessageClass(call.output_type)
            query = self.channel.unary_unary(
                f"/{wire_name}/{call.name}", request_serializer=request.SerializeToString, response_deserializer=response.FromString
            )
            answer = query(request(patterns=["^in"], regexp=True), timeout=RPC_SECONDS)
            self.assertEqual([(stat.name, stat.value) for stat in answer.stat], [("inbound>>>in>>>traffic>>>uplink", 7)])

    def test_unknown(self) -> None:
        """What is not served is not described, nor the package that our messages are in at home."""
        for name in ("xray.app.proxyman.command.HandlerService", "pipetwist.stats.V2RayStats"):
            self.assertRaises(KeyError, self.pool.FindServiceByName, name)


class HealthTest(SynchronousTestCase):
    """The standard health service."""

    def setUp(self) -> None:
        """Serve."""
        self.api = start_api(self, grace=0.5)
        self.health = health_pb2_grpc.HealthStub(open_channel(self, target_of(self.api)))

    def test_serving(self) -> None:
        """The server and both names are SERVING."""
        for service in ("", V2RAY_SERVICE, XRAY_SERVICE):
            answer = self.health.Check(health_pb2.HealthCheckRequest(service=service), timeout=RPC_SECONDS)
            self.assertEqual(answer.status, health_pb2.HealthCheckResponse.SERVING)

    def test_unknown(self) -> None:
        """A service that is not here is NOT_FOUND."""
        with self.assertRaises(grpc.RpcError) as caught:
            self.health.Check(health_pb2.HealthCheckRequest(service="other"), timeout=RPC_SECONDS)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_watch(self) -> None:
        """Who watches is told NOT_SERVING when the service stops."""
        watch = self.health.Watch(health_pb2.HealthCheckRequest(), timeout=RPC_SECONDS)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        self.successResultOf(self.api.stopService())
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.NOT_SERVING)


class _IdleStream:
    """A reflection call that is kept open: it asks once, and then nothing until it is closed."""

    def __init__(self, case: SynchronousTestCase, channel: grpc.Channel) -> None:
        self._end = threading.Event()
        case.addCleanup(self._end.set)
        self._answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(self._requests(), timeout=60)

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
        """Streams that stay open leave threads to other calls: one more is refused, a query is answered, and ending one makes room."""
        streams = [_IdleStream(self, self.channel) for _ in range(3)]
        for stream in streams:
            self.assertEqual(len(stream.answer().list_services_response.service), 4)
        for _ in range(10):
            with self.assertRaises(grpc.RpcError) as caught:
                _IdleStream(self, self.channel).answer()
            self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(Client(self, self.api, V2RAY_SERVICE).call("GetStats", name="a").stat.value, 1)
        streams[0].close()
        wait_until(self._has_room, "the server to see that a stream has ended")

    def _has_room(self) -> bool:
        try:
            return len(_IdleStream(self, self.channel).answer().list_services_response.service) == 4
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
        self.assertEqual(len(_IdleStream(self, self.channel).answer().list_services_response.service), 4)

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
                watches = [health.Watch(health_pb2.HealthCheckRequest(), timeout=RPC_SECONDS) for _ in range(3)]
                for watch in watches:
                    next(watch)
            api.stopService()

    def test_many_queries_at_once(self) -> None:
        """More calls at once than there are threads are all answered."""
        client = Client(self, self.api, V2RAY_SERVICE)
        values: list[int] = []

        def call() -> None:
            values.append(client.call("GetStats", name="a").stat.value)

        threads = [threading.Thread(target=call) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(RPC_SECONDS)
        self.assertEqual(values, [1] * 40)
