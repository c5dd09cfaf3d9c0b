"""Server reflection and the health service, asked by gRPC's own clients."""

from __future__ import annotations

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.reflection import REFLECTION_SERVICES
from pipetwist.api.services import SERVICES, V2RAY_SERVICE, XRAY_SERVICE
from tests.support.api_server import (
    RPC_SECONDS,
    counted,
    open_channel,
    start_api,
    stop_api,
    target_of,
)

_CALLS = {
    "GetStats",
    "QueryStats",
    "GetSysStats",
    "GetStatsOnline",
    "GetStatsOnlineIpList",
    "GetAllOnlineUsers",
    "GetUsersStats",
}


class ReflectionTest(SynchronousTestCase):
    """A client that knows nothing of the messages, as grpcurl is."""

    def setUp(self) -> None:
        """Serve a counter."""
        api = start_api(
            self,
            counted({"inbound>>>in>>>traffic>>>uplink": 7, "outbound>>>out>>>traffic>>>uplink": 8}),
        )
        self.channel = open_channel(self, target_of(api))
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = DescriptorPool(self.database)

    def test_list(self) -> None:
        """Both names of the service are listed, and gRPC's own services."""
        self.assertEqual(
            set(self.database.get_services()),
            {V2RAY_SERVICE, XRAY_SERVICE, "grpc.health.v1.Health", *REFLECTION_SERVICES},
        )

    def test_describe(self) -> None:
        """Each name is described with its calls and messages, all in its own package."""
        for wire_name in (V2RAY_SERVICE, XRAY_SERVICE):
            service = self.pool.FindServiceByName(wire_name)
            package = wire_name.removesuffix(".StatsService")
            self.assertEqual({call.name for call in service.methods}, _CALLS)
            self.assertEqual(service.file.package, package)
            for call in service.methods:
                for message in (call.input_type, call.output_type):
                    self.assertEqual(message.full_name, f"{package}.{message.name}")

    def test_described_messages_are_those_served(self) -> None:
        """Every message is described with the numbers, types and names of the one that is served,
        nested ones and maps too.
        """
        for wire_name, service in SERVICES.items():
            package = wire_name.removesuffix(".StatsService")
            for served in service.file.message_types_by_name.values():
                described = self.pool.FindMessageTypeByName(f"{package}.{served.name}")
                self.assertEqual(
                    [
                        (field.number, field.name, field.type, field.is_repeated)
                        for field in described.fields
                    ],
                    [
                        (field.number, field.name, field.type, field.is_repeated)
                        for field in served.fields
                    ],
                )

    def test_own_services(self) -> None:
        """The health service and reflection itself are described as well."""
        for name in ("grpc.health.v1.Health", *REFLECTION_SERVICES):
            self.assertEqual(self.pool.FindServiceByName(name).full_name, name)

    def test_both_versions(self) -> None:
        """Reflection answers the same by its name of today and by the one that it had before."""
        request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=V2RAY_SERVICE)
        answers = set()
        for name in REFLECTION_SERVICES:
            ask = self.channel.stream_stream(
                f"/{name}/ServerReflectionInfo",
                request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
                response_deserializer=bytes,
            )
            (answer,) = ask(iter([request]), timeout=RPC_SECONDS)
            answers.add(answer)
        self.assertEqual(len(answers), 1)
        self.assertIn(b"GetUsersStats", answers.pop())

    def test_call_by_description(self) -> None:
        """What is described can be called: QueryStats with a request built from its description
        alone, under each name.
        """
        for wire_name in SERVICES:
            call = self.pool.FindServiceByName(wire_name).methods_by_name["QueryStats"]
            request = message_factory.GetMessageClass(call.input_type)
            response = message_factory.GetMessageClass(call.output_type)
            query = self.channel.unary_unary(
                f"/{wire_name}/{call.name}",
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
            answer = query(request(patterns=["^in"], regexp=True), timeout=RPC_SECONDS)
            self.assertEqual(
                [(stat.name, stat.value) for stat in answer.stat],
                [("inbound>>>in>>>traffic>>>uplink", 7)],
            )

    def test_unknown(self) -> None:
        """What is not served is not described, nor the package that our messages are in at home."""
        for name in ("xray.app.proxyman.command.HandlerService", "pipetwist.stats.Stats"):
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
            answer = self.health.Check(
                health_pb2.HealthCheckRequest(service=service), timeout=RPC_SECONDS
            )
            self.assertEqual(answer.status, health_pb2.HealthCheckResponse.SERVING)

    def test_unknown(self) -> None:
        """A service that is not here is NOT_FOUND."""
        with self.assertRaises(grpc.RpcError) as caught:
            self.health.Check(health_pb2.HealthCheckRequest(service="other"), timeout=RPC_SECONDS)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_watch(self) -> None:
        """A client that watches gets NOT_SERVING when the service stops."""
        watch = self.health.Watch(health_pb2.HealthCheckRequest(), timeout=RPC_SECONDS)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        stop_api(self, self.api)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.NOT_SERVING)
