"""Who is at the other end of a unix socket, as the kernel says: SO_PEERCRED and SO_PEERGROUPS,
unix(7). Both are of the moment when it connected, whenever they are asked for.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from typing import NamedTuple

__all__ = [
    "PEER_CREDENTIALS",
    "SAME_NUMBERS",
    "PeerCredentials",
    "other_groups",
    "peer_credentials",
    "ucred",
]

PEER_CREDENTIALS = hasattr(socket, "SO_PEERCRED")
"""Whether this system says who a peer is."""
SAME_NUMBERS = sys.platform == "linux" and not os.uname().machine.startswith(("sparc", "parisc"))
"""Whether the numbers of the kernel's options are those of Linux. Of a few machines they are
others.
"""

_SOL_SOCKET = socket.SOL_SOCKET
_SO_PEERCRED = getattr(socket, "SO_PEERCRED", 0)
_UCRED = struct.Struct("i2I")  # struct ucred: pid_t, uid_t, gid_t
_UCRED_SIZE = _UCRED.size
_SO_PEERGROUPS = 59
_MAX_GROUPS = 1024  # bytes that Python's getsockopt takes
_ATTEMPTS = 3


class PeerCredentials(NamedTuple):
    """A peer at the moment when it connected.

    Attributes:
        pid: its process; 0 for one that this process can't see.
        uid: the system's user that it ran as.
        gid: the system's group that it ran as.
    """

    pid: int
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"pid:{self.pid} uid:{self.uid} gid:{self.gid}"

    @classmethod
    def of(cls, raw: bytes) -> PeerCredentials:
        """Those that `ucred` has returned."""
        return cls(*_UCRED.unpack(raw))


def ucred(connected: socket.SocketType) -> bytes:
    """Who the peer of a unix socket is, as the kernel has it: ``struct ucred``.

    Args:
        connected: the socket that it is at the other end of.

    Raises:
        OSError: the kernel does not say.
    """
    return connected.getsockopt(_SOL_SOCKET, _SO_PEERCRED, _UCRED_SIZE)


def peer_credentials(connected: socket.SocketType) -> PeerCredentials:
    """Who the peer of a unix socket is.

    Args:
        connected: the socket that it is at the other end of.

    Raises:
        OSError: the kernel does not say.
    """
    return PeerCredentials.of(ucred(connected))


def other_groups(connected: socket.SocketType | None) -> frozenset[int]:
    """The groups that the peer was in when it connected, beside its primary one (SO_PEERGROUPS,
    Linux 4.13).

    Args:
        connected: the unix socket that it is at the other end of; None if there is none, as for
            a sender of datagrams.

    Returns:
        Their numbers; none where the system does not say.
    """
    if connected is None or not SAME_NUMBERS:
        return frozenset()
    try:
        groups = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_GROUPS)
    except OSError as error:
        groups = _more_groups(connected.fileno()) if error.errno == errno.ERANGE else b""
    return frozenset(memoryview(groups).cast("I"))


def _more_groups(descriptor: int) -> bytes:
    """The groups of a process that is in more than Python asks for."""
    libc = ctypes.CDLL(None)
    size = ctypes.c_uint32(_MAX_GROUPS)
    for _ in range(_ATTEMPTS):
        groups = ctypes.create_string_buffer(size.value)
        # Where there is too little room it says how much is needed.
        if (
            libc.getsockopt(
                descriptor, socket.SOL_SOCKET, _SO_PEERGROUPS, groups, ctypes.byref(size)
            )
            == 0
        ):
            return groups.raw[: size.value]
    return b""
