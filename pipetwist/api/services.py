"""The names of the services on the wire, and their handlers for gRPC. The messages are in a
protobuf package of our own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf import message_factory

from pipetwist.api.wire import stats_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import ServiceDescriptor

__all__ = ["SERVICES", "TOTALS", "V2RAY_SERVICE", "XRAY_SERVICE", "handler_for"]

V2RAY_SERVICE: Final = "v2ray.core.app.stats.command.StatsService"
XRAY_SERVICE: Final = "xray.app.stats.command.StatsService"

TOTALS: Final = ("pipetwist-totals", "1")
"""Metadata of a QueryStats that asks for what was counted in all, and of the answer that has it. A
server that does not know it ignores it, and its answer comes without.
"""

SERVICES: Mapping[str, ServiceDescriptor] = dict.fromkeys(
    (V2RAY_SERVICE, XRAY_SERVICE), stats_pb2.DESCRIPTOR.services_by_name["Stats"]
)
"""The service for each name on the wire; all are the same one, with Xray's calls."""


def handler_for(
    wire_name: str, service: ServiceDescriptor, servicer: object
) -> grpc.GenericRpcHandler[object, object]:
    """The handler of a service. Its calls take one request each; some answer with a stream.

    Args:
        wire_name: the service's name on the wire.
        service: what it is by its .proto file.
        servicer: has a method for each call, with the call's name.
    """
    handlers: dict[str, grpc.RpcMethodHandler[object, object]] = {}
    for call in service.methods:
        make = (
            grpc.unary_stream_rpc_method_handler
            if call.server_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        handlers[call.name] = make(
            getattr(servicer, call.name),
            request_deserializer=message_factory.GetMessageClass(call.input_type).FromString,
            response_serializer=message_factory.GetMessageClass(call.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(wire_name, handlers)
