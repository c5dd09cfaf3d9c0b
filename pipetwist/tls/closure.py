"""How the peer of a TLS connection has ended, where OpenSSL reads the socket itself."""

from __future__ import annotations

from functools import cache

from OpenSSL import SSL

__all__ = ["allow_fin", "got_close_notify", "note_alerts"]

_READ_ALERT = 0x4004  # SSL_CB_READ_ALERT of OpenSSL's ssl.h


def allow_fin(connection: SSL.Connection) -> None:
    """Have a FIN without a close_notify end what is read, as a close_notify does. By itself OpenSSL
    takes it for a fatal error, after which nothing can be sent either.
    """
    connection.set_options(SSL.OP_IGNORE_UNEXPECTED_EOF)


def note_alerts(connection: SSL.Connection) -> None:
    """Have a connection whose handshake is complete note what `got_close_notify` tells.

    Only a context can be told to call somebody for an alert, and it calls for each of some twenty
    steps of a handshake as well. So the connection gets another context now. What that has is not
    asked for any more: the connection has its own keys, versions and modes.
    """
    connection.set_context(_noting())


@cache
def _noting() -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_info_callback(_note_close_notify)
    return context


def _note_close_notify(connection: SSL.Connection, where: int, alert: int) -> None:
    if where == _READ_ALERT and not alert & 0xFF:  # the alert close_notify is 0
        connection.set_app_data(True)


def got_close_notify(connection: SSL.Connection) -> bool:
    """Whether the peer has sent a close_notify, and not a FIN alone."""
    return bool(connection.get_app_data())
