"""Limits calls that stay open, so that they do not use up the threads."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore, Lock
from typing import TypeAlias

import grpc

__all__ = ["StreamLimit"]

_Behaviour: TypeAlias = Callable[..., object]
_Handler: TypeAlias = "grpc.RpcMethodHandler[object, object]"


class StreamLimit(grpc.ServerInterceptor):  # type: ignore[type-arg] # generic in its types alone
    """Limits the calls of each streaming method; one more is refused with RESOURCE_EXHAUSTED.

    A call of server reflection, or of the health service's Watch, occupies a thread as long as the
    client keeps it open. Unary calls are not limited.

    Args:
        calls: how many calls of each method may be open.
    """

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._lock = Lock()
        self._free: dict[str, BoundedSemaphore] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        """Called by gRPC for each call, to find its handler."""
        handler = continuation(handler_call_details)
        if handler is None or not handler.response_streaming:
            return handler
        # Reflection has one under each of its two names.
        method = handler_call_details.method.rpartition("/")[2]
        with self._lock:
            free = self._free.setdefault(method, BoundedSemaphore(self._calls))
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(
                self._limited(handler.stream_stream, free),
                handler.request_deserializer,
                handler.response_serializer,
            )
        assert handler.unary_stream is not None  # noqa: S101 - the two kinds of streaming response
        return grpc.unary_stream_rpc_method_handler(
            self._limited(handler.unary_stream, free),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _limited(self, behaviour: _Behaviour, free: BoundedSemaphore) -> _Behaviour:
        def limited(request: object, context: grpc.ServicerContext) -> object:
            if not free.acquire(blocking=False):
                context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"{self._calls} such calls are open already; close one and try again.",
                )
            if not context.add_callback(free.release):
                free.release()  # it has ended already
            return behaviour(request, context)

        # Watch's attribute experimental_non_blocking is not copied, so that it answers from a
        # thread. Without a thread it sends while it holds its lock, and waits for gRPC's own
        # thread, which waits for the lock when another watcher has gone: a deadlock.
        return limited
