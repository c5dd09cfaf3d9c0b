"""Server reflection, which describes the services under their names on the wire.

It is served as v1 and as v1alpha; grpcio-reflection has only the latter. They differ only in their
package's name.

The descriptions are in a separate pool, where they can't collide with others of the same names in
the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.descriptor import ServiceDescriptor
    from google.protobuf.descriptor_pb2 import DescriptorProto

__all__ = ["REFLECTION_SERVICES", "add_reflection", "described_services"]

REFLECTION_SERVICES = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)
"""Reflection's own names on the wire."""


def add_reflection(server: grpc.Server, services: Mapping[str, ServiceDescriptor]) -> None:
    """Add reflection to a server that has the health service.

    Args:
        server: the server.
        services: its services by their names on the wire.
    """
    names = (*services, health.SERVICE_NAME, *REFLECTION_SERVICES)
    servicer = reflection.ReflectionServicer(names, described_services(services))
    answer = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for name in REFLECTION_SERVICES:
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": answer}),)
        )


def described_services(services: Mapping[str, ServiceDescriptor]) -> DescriptorPool:
    """A pool that describes our services by their names on the wire, and gRPC's own two."""
    pool = DescriptorPool()
    for wire_name, service in services.items():
        pool.Add(_renamed(service, wire_name))
    for module in (health_pb2, reflection_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.Add(
        _renamed(
            reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"], REFLECTION_SERVICES[0]
        )
    )
    return pool


def _renamed(service: ServiceDescriptor, wire_name: str) -> FileDescriptorProto:
    """The service's file as if it had been written in this package, with only this service."""
    package, _, name = wire_name.rpartition(".")
    file = FileDescriptorProto()
    service.file.CopyToProto(file)
    before, after = f".{file.package}.", f".{package}."
    file.name = f"{package.replace('.', '/')}.proto"
    file.package = package
    kept = [proto for proto in file.service if proto.name == service.name]
    del file.service[:]
    file.service.extend(kept)
    file.service[0].name = name
    for call in file.service[0].method:
        call.input_type = call.input_type.replace(before, after, 1)
        call.output_type = call.output_type.replace(before, after, 1)
    for message in _with_nested(file.message_type):
        for field in message.field:
            if field.HasField("type_name"):
                field.type_name = field.type_name.replace(before, after, 1)
    return file


def _with_nested(messages: Iterable[DescriptorProto]) -> Iterable[DescriptorProto]:
    for message in messages:
        yield message
        yield from _with_nested(message.nested_type)
