"""OpenSSL's queue of errors, which all connections of a thread have in common."""

from __future__ import annotations

from OpenSSL import SSL

__all__ = ["forget_errors"]


def forget_errors() -> None:
    """Empty the queue, after each ``SSL.Error`` of a connection on a socket. Where the system has
    failed pyOpenSSL leaves an error in it, which OpenSSL then takes for one of the next connection,
    whichever that is (SSL_get_error(3)).
    """
    # pyOpenSSL has ERR_clear_error(3) in its bindings, but no function for it.
    clear = getattr(getattr(SSL, "_lib", None), "ERR_clear_error", None)
    if clear is not None:
        clear()
