"""A client's TLS: reads and checks its files for gRPC, which does not say what is wrong with a
file.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc

from pipetwist.client.server import ClientTls
from pipetwist.errors import ServerError

__all__ = ["channel_credentials", "ssl_context"]


def channel_credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    """Make gRPC's TLS credentials.

    Raises:
        ServerError: a file can't be read, or is not a valid PEM file.
    """
    files = [
        None if path is None else _read(path) for path in (tls.authority, tls.key, tls.certificate)
    ]
    ssl_context(tls)
    return grpc.ssl_channel_credentials(*files)


def ssl_context(tls: ClientTls) -> ssl.SSLContext:
    """The same for Python's own TLS.

    Raises:
        ServerError: see `channel_credentials`.
    """
    try:
        context = ssl.create_default_context(cafile=tls.authority)
    except (OSError, ValueError) as error:
        message = f"{tls.authority} has no certificate in PEM form: {_reason(error)}"
        raise ServerError(message) from error
    if tls.certificate is not None:
        try:
            # A key with a pass phrase must not make OpenSSL ask for it on the terminal.
            context.load_cert_chain(tls.certificate, tls.key, password="")
        except (OSError, ValueError) as error:
            message = (
                f"{tls.certificate} and {tls.key} are not a certificate and its key as PEM: "
                f"{_reason(error)}"
            )
            raise ServerError(message) from error
    context.set_alpn_protocols(["h2"])
    return context


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise ServerError(message) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error).lower().replace("_", " ")
