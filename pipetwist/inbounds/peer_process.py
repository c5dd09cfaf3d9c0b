"""What the kernel knows about the process at the other end of a unix socket, besides its
credentials. Each question is at least one system call.

Processes in another PID namespace, such as those in another container, have no PID here:
SO_PEERCRED says 0 for all of them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from functools import lru_cache
from itertools import count
from typing import Any

__all__ = ["other_groups", "stranger"]

_SO_PEERGROUPS = 59
_SO_PEERPIDFD = 77  # Linux 6.5
# Of a few machines they are others.
_KNOWN = sys.platform == "linux" and not os.uname().machine.startswith(("sparc", "parisc"))
_MAX_GROUPS = 1024  # bytes that Python's getsockopt takes
_ATTEMPTS = 3

_numbers = count(1)


def other_groups(connected: socket.SocketType | None) -> frozenset[int]:
    """The groups that the peer was in when it connected, beside its primary one (SO_PEERGROUPS,
    Linux 4.13).

    Args:
        connected: the unix socket that it is at the other end of; None where there is none, as for
            a sender of datagrams.

    Returns:
        Their numbers; none if the system does not know them.
    """
    if connected is None or not _KNOWN:
        return frozenset()
    try:
        groups = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_GROUPS)
    except OSError as error:
        groups = _more_groups(connected.fileno()) if error.errno == errno.ERANGE else b""
    return frozenset(memoryview(groups).cast("I"))


def _more_groups(descriptor: int) -> bytes:
    """The groups of a process that is in more than Python asks for."""
    libc: Any = ctypes.CDLL(None)
    size = ctypes.c_uint32(_MAX_GROUPS)
    for _ in range(_ATTEMPTS):
        groups = ctypes.create_string_buffer(size.value)
        # If there is too little room, the kernel says how much is needed.
        if (
            libc.getsockopt(
                descriptor, socket.SOL_SOCKET, _SO_PEERGROUPS, groups, ctypes.byref(size)
            )
            == 0
        ):
            return groups.raw[: size.value]
    return b""


def stranger(connected: socket.SocketType | None) -> str:
    """The source of a peer that has no PID here.

    From Linux 6.9 on a process has the same source for all of its connections, because the inode of
    a process descriptor (pidfd_open(2)) is unique. On other systems, and if the process has already
    ended, each connection has its own source.

    Args:
        connected: the unix socket that it is at the other end of; None where there is none.
    """
    process = None if connected is None or not _KNOWN else _process(connected)
    return f"pid:0/c{next(_numbers)}" if process is None else f"pid:0/{process}"


def _process(connected: socket.SocketType) -> int | None:
    """A number that no other process has while this machine runs."""
    own = _own_inode()
    if own is None:
        return None
    try:
        (descriptor,) = struct.unpack(
            "i", connected.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD, 4)
        )
    except OSError:
        return None
    try:
        inode = os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)
    # An older kernel has the same inode for all.
    return None if inode == own else inode


@lru_cache(maxsize=1)
def _own_inode() -> int | None:
    try:
        descriptor = os.pidfd_open(os.getpid())
    except (AttributeError, OSError):
        return None
    try:
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)
