"""Connections of pyOpenSSL, on a socket or on bytes that are handed in and taken out."""

from __future__ import annotations

import contextlib
import socket

from OpenSSL import SSL

__all__ = ["is_resumed", "new_connection"]


def new_connection(context: SSL.Context, connected: socket.socket | None = None) -> SSL.Connection:
    """A connection before its handshake.

    Args:
        context: what it is made with.
        connected: the socket that it is on; where it is None, bytes are handed in and taken out.
    """
    return _MemoryConnection(context) if connected is None else SSL.Connection(context, connected)


def is_resumed(connection: SSL.Connection) -> bool:
    """Whether a connection has resumed an earlier session, once its handshake is complete."""
    # pyOpenSSL has SSL_session_reused(3) in its bindings, but no method for it.
    reused = getattr(getattr(SSL, "_lib", None), "SSL_session_reused", None)
    return reused is not None and reused(connection._ssl) == 1  # noqa: SLF001 - see above


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
