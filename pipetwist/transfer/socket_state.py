"""What the kernel knows of a connected socket: how much of it is unread or unacknowledged, and what
error its peer has left.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import Any

from twisted.internet.interfaces import ITCPTransport, IUNIXTransport
from twisted.protocols.policies import ProtocolWrapper

__all__ = ["innermost", "is_tcp", "left_error", "socket_of", "unacknowledged", "unread"]


def unacknowledged(descriptor: int) -> int:
    """How many bytes were handed to a TCP socket that its peer has not acknowledged (SIOCOUTQ,
    tcp(7)); 0 where the system does not say.
    """
    return _ask(descriptor, "TIOCOUTQ") if sys.platform == "linux" else 0


def unread(descriptor: int) -> int:
    """How many bytes have come that were not read (SIOCINQ, tcp(7) and unix(7)); 0 where the system
    does not say.
    """
    return _ask(descriptor, "FIONREAD") if sys.platform == "linux" else 0


def left_error(connected: socket.SocketType) -> OSError | None:
    """The error that a TCP peer has left, of which the system tells once: EPIPE where it was reset
    after its end of file had come.
    """
    if connected.family == getattr(socket, "AF_UNIX", None):
        return None
    number = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(number, os.strerror(number)) if number else None


def socket_of(transport: Any) -> socket.socket | None:
    """The socket of a Twisted transport, whatever is wrapped around it; None where it has none."""
    handle = getattr(innermost(transport), "getHandle", None)
    found = None if handle is None else handle()
    return found if isinstance(found, socket.socket) else None


def innermost(transport: Any) -> Any:
    """A Twisted transport without what is wrapped around it, TLS too."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


def _ask(descriptor: int, name: str) -> int:
    import fcntl  # there is none on Windows
    import termios

    try:
        said = fcntl.ioctl(descriptor, getattr(termios, name), b"\0" * 4)
    except (OSError, ValueError):  # what is no socket of the system's, such as a test's
        return 0
    count: int = struct.unpack("i", said)[0]
    return count


def is_tcp(transport: Any) -> bool:
    """Whether a Twisted transport is TCP; that of a unix socket provides its interface too."""
    return ITCPTransport.providedBy(transport) and not IUNIXTransport.providedBy(transport)
