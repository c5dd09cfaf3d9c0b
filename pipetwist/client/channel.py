"""gRPC's channel to a server, and what a call that has failed means."""

from __future__ import annotations

from typing import Final

import grpc

from pipetwist.client.diagnosis import why_unreachable
from pipetwist.client.server import Server
from pipetwist.client.tls import channel_credentials
from pipetwist.errors import ServerError

__all__ = ["call_failed", "open_channel"]

_MAX_BYTES: Final = 256 * 1024 * 1024  # of an answer: two million counters


def open_channel(server: Server) -> grpc.Channel:
    """A channel, which must be closed. It is connected by the first call.

    Raises:
        ServerError: a file for TLS can't be used.
    """
    options: list[tuple[str, object]] = [
        # An API is usually local; a proxy from the environment would break it.
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", _MAX_BYTES),
        # So that a server that comes back is noticed soon.
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]
    if server.tls is None:
        return grpc.insecure_channel(server.target, options=options)
    if server.tls.name is not None:
        options.append(("grpc.ssl_target_name_override", server.tls.name))
    return grpc.secure_channel(server.target, channel_credentials(server.tls), options=options)


def call_failed(server: Server, method: str, error: grpc.RpcError) -> ServerError:
    """The error for people.

    Args:
        server: was called.
        method: the call.
        error: gRPC's.
    """
    code: grpc.StatusCode = error.code()
    details: str = error.details() or ""
    address = server.address
    if code is grpc.StatusCode.UNAVAILABLE:
        message = why_unreachable(server, details)
    elif code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = (
            f"{address} gave no answer to {method} within {server.timeout:g} s; "
            f"wait longer with --timeout, or see whether that is the port of {server.service.noun}"
        )
    elif code is grpc.StatusCode.UNIMPLEMENTED:
        message = (
            f"{address} has no call {method}; is it the port of {server.service.noun}, and its "
            "daemon as new as this command?"
        )
    else:
        message = f"{address} refuses {method}: {details or code.name}"
    return ServerError(message)
