"""What the kernel knows about the process at the other end of a unix socket, besides its
credentials. Each question is at least one system call.

Processes in another PID namespace, such as those in another container, have no PID here:
SO_PEERCRED says 0 for all of them.
"""

from __future__ import annotations

import os
import socket
import struct
from functools import lru_cache
from itertools import count

from pipetwist.transfer.peer_credentials import SAME_NUMBERS

__all__ = ["stranger"]

_SO_PEERPIDFD = 77  # Linux 6.5

_numbers = count(1)


def stranger(connected: socket.SocketType | None) -> str:
    """The source of a peer that has no PID here.

    From Linux 6.9 on a process has the same source for all of its connections, because the inode of
    a process descriptor (pidfd_open(2)) is unique. On other systems, and if the process has already
    ended, each connection has its own source.

    Args:
        connected: the unix socket that it is at the other end of; None if there is none.
    """
    process = None if connected is None or not SAME_NUMBERS else _process(connected)
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
