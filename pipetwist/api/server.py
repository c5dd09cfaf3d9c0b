"""gRPC's server with everything that it serves: the services, server reflection and the health
service. It does not listen yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from pipetwist.api.executor import TwistedExecutor
from pipetwist.api.reflection import add_reflection
from pipetwist.api.services import handler_for
from pipetwist.api.streams import StreamLimit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import ThreadPoolExecutor

    from google.protobuf.descriptor import ServiceDescriptor

__all__ = ["GrpcServer"]

_THREADS = 10
_STREAMS = (
    3  # of each of the two streaming methods, so that four threads are left to the other calls
)
_CALLS = 64  # that run or wait for a thread
_REQUEST_BYTES = 1024 * 1024

_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", _REQUEST_BYTES),
    ("grpc.max_concurrent_streams", _CALLS),
    # Otherwise a client whose machine has vanished would keep its connection, and a stream its
    # thread, for ever.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


@dataclass(frozen=True)
class GrpcServer:
    """A server and the threads that its calls run in.

    Attributes:
        grpc: gRPC's server.
        health: gRPC's health service.
        executor: the threads.
    """

    grpc: grpc.Server
    health: health.HealthServicer
    executor: TwistedExecutor

    @classmethod
    def serving(
        cls, services: Mapping[str, ServiceDescriptor], servicer: object, max_connections: int
    ) -> GrpcServer:
        """Make a server with this servicer.

        Args:
            services: the services by their names on the wire.
            servicer: answers the calls of all of them; see `pipetwist.api.services.handler_for`.
            max_connections: further connections are closed without an answer.
        """
        executor = TwistedExecutor(_THREADS, "grpc")
        server = grpc.server(
            cast("ThreadPoolExecutor", executor),  # our executor has all methods that gRPC uses
            handlers=[handler_for(*service, servicer) for service in services.items()],
            interceptors=[StreamLimit(_STREAMS)],
            options=(*_OPTIONS, ("grpc.max_allowed_incoming_connections", max_connections)),
            maximum_concurrent_rpcs=_CALLS,
        )
        status = health.HealthServicer()
        for wire_name in services:
            status.set(wire_name, health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(status, server)
        add_reflection(server, services)
        return cls(server, status, executor)

    def start(self) -> None:
        """Answer calls."""
        self.executor.start()
        self.grpc.start()

    def stop(self, grace: float) -> None:
        """Refuse new calls, let running ones finish, and end the threads. Blocks until then.

        Args:
            grace: seconds after which the calls that still run are cancelled.
        """
        self.health.enter_graceful_shutdown()
        self.grpc.stop(grace).wait()
        self.executor.stop()

    def discard(self) -> None:
        """Release the addresses that it was given, if it is not started: gRPC does that only for a
        server that was started.
        """
        self.start()
        self.stop(0)
