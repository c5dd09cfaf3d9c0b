"""How the peer of a TLS connection has ended, where OpenSSL reads the socket itself."""

from __future__ import annotations

from OpenSSL import SSL

__all__ = ["allow_fin", "got_close_notify", "note_close_notify"]

_READ_ALERT = 0x4004  # SSL_CB_READ_ALERT of OpenSSL's ssl.h


def allow_fin(connection: SSL.Connection) -> None:
    """Have a FIN without a close_notify end what is read, as a close_notify does. By itself OpenSSL
    takes it for a fatal error, after which nothing can be sent either.
    """
    connection.set_options(SSL.OP_IGNORE_UNEXPECTED_EOF)


def note_close_notify(connection: SSL.Connection, where: int, alert: int) -> None:
    """What a context calls for each step and each alert, for `got_close_notify`."""
    if where == _READ_ALERT and not alert & 0xFF:  # the alert close_notify is 0
        connection.set_app_data(True)


def got_close_notify(connection: SSL.Connection) -> bool:
    """Whether the peer has sent a close_notify, and not a FIN alone."""
    return bool(connection.get_app_data())
