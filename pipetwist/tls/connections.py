"""Connections of pyOpenSSL, on a socket or on bytes that are handed in and taken out."""

from __future__ import annotations

import contextlib
import socket

from OpenSSL import SSL

from pipetwist.tls.closure import allow_fin

__all__ = ["TlsConnection", "is_resumed", "new_connection"]

_AUTO_RETRY = 4  # SSL_MODE_AUTO_RETRY of OpenSSL's ssl.h

TlsConnection = SSL.Connection
"""What `new_connection` makes."""


def new_connection(
    context: SSL.Context, connected: socket.SocketType | None = None
) -> SSL.Connection:
    """A connection before its handshake.

    Args:
        context: what it is made with.
        connected: the socket that it is on; where it is None, bytes are handed in and taken out.
    """
    if connected is None:
        return _MemoryConnection(context)
    connection = SSL.Connection(context, connected)  # type: ignore[arg-type]  # it takes any socket that has a fileno
    allow_fin(connection)
    _take_one_record(connection)
    return connection


def is_resumed(connection: SSL.Connection) -> bool:
    """Whether a connection has resumed an earlier session, once its handshake is complete."""
    # pyOpenSSL has SSL_session_reused(3) in its bindings, but no method for it.
    reused = getattr(getattr(SSL, "_lib", None), "SSL_session_reused", None)
    return reused is not None and reused(connection._ssl) == 1  # noqa: SLF001 - see above


def _take_one_record(connection: SSL.Connection) -> None:
    """Have OpenSSL take one record each time that it is asked to read, if that is no data. By
    itself it goes on to the next as long as there is one: a peer that sends KeyUpdates as quickly
    would hold up everybody else. The socket tells of what is left.
    """
    # pyOpenSSL has SSL_clear_mode(3) in its bindings, but only contexts have a method for it, and
    # with bytes that are handed in the mode has to stay.
    clear = getattr(getattr(SSL, "_lib", None), "SSL_clear_mode", None)
    if clear is not None:
        clear(connection._ssl, _AUTO_RETRY)  # noqa: SLF001 - see above


class _MemoryConnection(SSL.Connection):
    """A connection that gives all that there is to send in one go. Twisted takes out 32 KiB in a
    handshake, once: with a longer chain of certificates both ends would wait for each other.

    Args:
        context: what it is made with.
    """

    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context, None)

    def bio_read(self, bufsiz: int) -> bytes:
        """What there is to send.

        Raises:
            OpenSSL.SSL.WantReadError: there is nothing.
        """
        data = super().bio_read(bufsiz)
        if len(data) < bufsiz:
            return data
        with contextlib.suppress(SSL.WantReadError):
            while more := super().bio_read(bufsiz):
                data += more
        return data
