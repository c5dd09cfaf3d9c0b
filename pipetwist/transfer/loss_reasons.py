"""Why a transport was lost, for people; and which errors are no reason to close one."""

from __future__ import annotations

import errno

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure

__all__ = ["NOT_NOW", "NO_CLOSE_NOTIFY", "RESET", "describe_error", "reason_of"]

NOT_NOW = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EINTR)
"""Temporary errors: the peer has no room or nothing to read, the system has no memory, which
Twisted treats in the same way, or a signal interrupted the call.
"""

NO_CLOSE_NOTIFY = "the connection was lost without a TLS close_notify"
"""The reason if a TLS connection's socket closed before TLS did; a reset is such a case."""

RESET = "the connection was reset"
"""The reason where a socket was reset, or takes nothing more."""


def reason_of(reason: Failure, *, closing: bool = False, hung_up: bool = False) -> str:
    """What went wrong; empty if nothing did, or if we closed it.

    Args:
        reason: why a transport was lost.
        closing: whether we were closing it.
        hung_up: whether its peer had ended and got everything before.
    """
    if reason.check(ConnectionDone, ConnectionAborted):
        return ""
    if reason.value is CONNECTION_LOST:
        # What Twisted's TLS reports for an end of file that OpenSSL did not expect; sockets report
        # a copy without a text. A peer that gets close_notify may well close without its own.
        return "" if closing else NO_CLOSE_NOTIFY
    if reason.check(ConnectionLost) and reason.value is not None and not reason.value.args:
        # Where a close waits for its turn, Twisted may hear first that the peer has hung up.
        return "" if closing and hung_up else RESET
    return describe_error(reason.value)


def describe_error(error: BaseException | None) -> str:
    """Describe an error in one line.

    Twisted's connection errors have it in their text, an OSError in its errno, pyOpenSSL's errors
    in tuples of library, function and reason.
    """
    if isinstance(error, OSError) and error.errno in (errno.ECONNRESET, errno.EPIPE):
        return RESET
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
