"""Descriptors that come and go with bytes over a unix socket (SCM_RIGHTS, unix(7)): the calls that
receive and send them, and with which byte one comes.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

__all__ = [
    "MAX_DESCRIPTORS",
    "bytes_ahead",
    "close_descriptors",
    "look_ahead",
    "receive_descriptors",
    "send_descriptors",
]

MAX_DESCRIPTORS = 253
"""How many descriptors one call takes (SCM_MAX_FD in Linux)."""

_INT = array.array("i").itemsize
# The rest is for credentials and a label, which an inherited socket may bring (SO_PASSCRED,
# SO_PASSSEC).
_ROOM = MAX_DESCRIPTORS * _INT + 1024
_RIGHTS = int(getattr(socket, "SCM_RIGHTS", 1))
_TRUNCATED = int(getattr(socket, "MSG_CTRUNC", 8))
_DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
_LOOK = _DONT_WAIT | int(socket.MSG_PEEK)
_RECEIVE = _DONT_WAIT | int(getattr(socket, "MSG_CMSG_CLOEXEC", 0))
_SOL_SOCKET = int(socket.SOL_SOCKET)

# Two of struct iovec, and struct msghdr: no name, these, no ancillary data
_VECTORS = struct.Struct("@PNPN")
_HEADER = struct.Struct("@PIPNPNi0P")
_Library: TypeAlias = Any
"""A library of C's, whose functions have no types."""
_libc: _Library = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def look_ahead(connected: socket.SocketType, buffer: memoryview) -> tuple[int, bool]:
    """Look at what has come, and leave it there.

    Args:
        connected: the socket.
        buffer: what it is read into.

    Returns:
        How many bytes there are up to the end of the first message with descriptors, or in all; and
        whether there are descriptors. Without room for ancillary data the kernel passes none, and
        tells that there were some.

    Raises:
        OSError: nothing has come, or the connection has failed.
    """
    count, _, flags, _ = connected.recvmsg_into((buffer,), 0, _LOOK)
    return count, bool(flags & _TRUNCATED)


def bytes_ahead(connected: socket.SocketType, buffer: memoryview, count: int) -> int:
    """How many bytes are ahead of the first one that has come with descriptors.

    One read gets bytes of several messages, the last of which is the one with descriptors. A
    message that the kernel can't copy whole ends a read before it: the buffer is a byte too short,
    and goes on where there is no memory.

    Args:
        connected: the socket.
        buffer: what it is read into.
        count: what `look_ahead` said.
    """
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    vectors = ctypes.create_string_buffer(_VECTORS.pack(address, count - 1, 0, 1))
    header = ctypes.create_string_buffer(_HEADER.pack(0, 0, ctypes.addressof(vectors), 2, 0, 0, 0))
    ahead: int = _libc.recvmsg(connected.fileno(), header, _LOOK)
    return max(0, ahead)  # EFAULT where it is the very first message


def receive_descriptors(
    connected: socket.SocketType, buffer: memoryview
) -> tuple[int, tuple[int, ...], bool]:
    """Read bytes, the first of which has come with descriptors.

    Args:
        connected: the socket.
        buffer: what it is read into.

    Returns:
        How many bytes, the descriptors, which are close-on-exec, and whether some were lost since
        this process may have no more.

    Raises:
        OSError: nothing has come, or the connection has failed.
    """
    count, messages, flags, _ = connected.recvmsg_into((buffer,), _ROOM, _RECEIVE)
    descriptors = array.array("i")
    for level, kind, data in messages:
        if (level, kind) == (_SOL_SOCKET, _RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % _INT])
    return count, tuple(descriptors), bool(flags & _TRUNCATED)


def send_descriptors(
    connected: socket.SocketType, data: memoryview | bytearray, descriptors: Sequence[int]
) -> int:
    """Send bytes, the first of them with descriptors.

    Args:
        connected: the socket.
        data: the bytes, at least one.
        descriptors: what goes with the first. They are still to be closed here.

    Returns:
        How many bytes the system has taken, at least one, and all descriptors.

    Raises:
        OSError: it has taken nothing.
    """
    message = (_SOL_SOCKET, _RIGHTS, array.array("i", descriptors))
    return connected.sendmsg((data,), (message,), _DONT_WAIT)


def close_descriptors(descriptors: Sequence[int]) -> None:
    """Close descriptors."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # of a file that could not be written, close(2)
            os.close(descriptor)
