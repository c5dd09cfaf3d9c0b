"""What the kernel knows about a connected socket: how much is unread or unacknowledged, and its
pending error.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys

from twisted.internet.interfaces import ISSLTransport, ITCPTransport, IUNIXTransport
from twisted.protocols.policies import ProtocolWrapper

from pipetwist.interfaces import AnyTransport

__all__ = [
    "below_tls",
    "has_ended",
    "holds_unread",
    "innermost",
    "is_reset",
    "is_tcp",
    "left_error",
    "socket_of",
    "unacknowledged",
    "unread",
]

_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_ENDED = sum(getattr(select, name, 0) for name in ("POLLRDHUP", "POLLHUP", "POLLERR", "POLLNVAL"))
_CLOSE = 7  # TCP_CLOSE of Linux's tcp_states.h


def unacknowledged(descriptor: int) -> int:
    """How many bytes written to a TCP socket its peer has not acknowledged (SIOCOUTQ, tcp(7)); 0 if
    the system does not say.
    """
    return _ask(descriptor, "TIOCOUTQ") if sys.platform == "linux" else 0


def unread(descriptor: int) -> int:
    """How many bytes have been received and not read (SIOCINQ, tcp(7) and unix(7)); 0 if the system
    does not say.
    """
    return _ask(descriptor, "FIONREAD") if sys.platform == "linux" else 0


def left_error(connected: socket.SocketType) -> OSError | None:
    """The pending error of a TCP socket, which the system reports once: EPIPE if it was reset after
    the peer's end of file.
    """
    if connected.family == getattr(socket, "AF_UNIX", None):
        return None
    number = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(number, os.strerror(number)) if number else None


def is_reset(connected: socket.SocketType) -> bool:
    """Whether a TCP connection is over, though what had come before that may be read still; False
    if the system does not say. Its pending error stays.
    """
    if _INFO is None or connected.family == getattr(socket, "AF_UNIX", None):
        return False
    return connected.getsockopt(socket.IPPROTO_TCP, _INFO, 1)[0] == _CLOSE


def has_ended(descriptor: int) -> bool:
    """Whether nothing more comes from the peer of a socket, besides what is unread."""
    poll = select.poll()
    poll.register(descriptor, _ENDED)
    return bool(poll.poll(0))


def socket_of(transport: AnyTransport) -> socket.socket | None:
    """The socket of a Twisted transport, also of a wrapped one; None if it has none."""
    handle = getattr(innermost(transport), "getHandle", None)
    found = None if handle is None else handle()
    return found if isinstance(found, socket.socket) else None


def below_tls(transport: AnyTransport) -> AnyTransport:
    """What a Twisted transport's TLS goes over; itself without TLS."""
    return innermost(transport) if ISSLTransport.providedBy(transport) else transport


def holds_unread(transport: AnyTransport) -> bool:
    """Whether a Twisted transport is a socket's, and its peer has sent what nobody has read."""
    connected = socket_of(transport)
    return connected is not None and unread(connected.fileno()) > 0


def innermost(transport: AnyTransport) -> AnyTransport:
    """A Twisted transport without its wrappers, such as TLS."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


def _ask(descriptor: int, name: str) -> int:
    import fcntl  # there is none on Windows
    import termios

    try:
        said = fcntl.ioctl(descriptor, getattr(termios, name), b"\0" * 4)
    except (OSError, ValueError):  # not a real socket, such as a test's
        return 0
    count: int = struct.unpack("i", said)[0]
    return count


def is_tcp(transport: AnyTransport) -> bool:
    """Whether a Twisted transport is TCP. Those of unix sockets provide TCP's interface too."""
    return ITCPTransport.providedBy(transport) and not IUNIXTransport.providedBy(transport)
