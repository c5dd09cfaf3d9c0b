"""Why a transport was lost, in words for people, and what errors are no reason to."""

from __future__ import annotations

import errno

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure

__all__ = ["NOT_NOW", "NO_CLOSE_NOTIFY", "describe_error", "reason_of"]

NOT_NOW = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EINTR)
"""What passes, and is no cause of anything: the peer has no room or nothing to read, or the system
has no memory for it, which Twisted takes for the same; or a signal has come."""

NO_CLOSE_NOTIFY = "the connection was lost without a TLS close_notify"
"""The reason where a TLS connection's socket has ended before TLS has; a reset is among these."""

_RESET = "the connection was reset"


def reason_of(reason: Failure) -> str:
    """What went wrong; empty where nothing did, or where we did it."""
    if reason.check(ConnectionDone, ConnectionAborted):
        return ""
    if reason.value is CONNECTION_LOST:
        # What Twisted's TLS makes of an end of file that OpenSSL did not expect; from sockets a
        # copy without words comes.
        return NO_CLOSE_NOTIFY
    if reason.check(ConnectionLost) and reason.value is not None and not reason.value.args:
        return _RESET
    return describe_error(reason.value)


def describe_error(error: BaseException | None) -> str:
    """One line that says what an error is.

    Twisted's connection errors say it in their text; an OSError in its errno; pyOpenSSL's in tuples
    of library, function and reason.
    """
    if isinstance(error, OSError) and error.errno in (errno.ECONNRESET, errno.EPIPE):
        return _RESET
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    arguments = getattr(error, "args", ())
    if (
        any(kind.__module__.startswith("OpenSSL") for kind in type(error).__mro__)
        and arguments
        and isinstance(arguments[0], list)
    ):
        return "TLS: " + (", ".join(part[-1] for part in arguments[0]) or type(error).__name__)
    text = " ".join(str(error).split())
    return text.removesuffix(".") or type(error).__name__
