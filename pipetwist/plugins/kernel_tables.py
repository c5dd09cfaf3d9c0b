"""The kernel's tables of sockets, /proc/net/tcp and the like (proc_net(5)), as they are read. The
kernel takes long to write them: no more is read than is needed. All of this may be called in any
thread; it fails with OSError where there is no free descriptor.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from pipetwist.plugins.socket_table import SocketOwner, owner_at, row_of

__all__ = ["TCP_TABLES", "UDP_TABLES", "ConnectedSockets", "pieces"]

TCP_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
"""The sockets of TCP."""
UDP_TABLES = ("/proc/net/udp", "/proc/net/udp6")
"""Those of UDP."""
_PIECE_BYTES = 1 << 16  # of which the kernel fills a page at a time
_ROW_BYTES = 256  # more than one has


def pieces(paths: Iterable[str]) -> Iterator[bytes]:
    """Read tables, one after the other.

    Args:
        paths: the tables.

    Raises:
        OSError: there is no free descriptor.
    """
    for path in paths:
        try:
            table = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # a kernel without IPv6 has no second one
            continue
        try:
            while piece := os.read(table, _PIECE_BYTES):
                yield piece
        finally:
            os.close(table)


class ConnectedSockets:
    """The connected sockets of TCP, for where sock_diag(7) can't be used. The tables are read twice
    at most, however many questions there are: else whoever connects and is gone would have others
    wait.
    """

    def __init__(self) -> None:
        # While it is read a row may move to where it was read before.
        self._readings = (_Reading(), _Reading())

    def __repr__(self) -> str:
        return f"<ConnectedSockets {self._readings}>"

    def owner(self, local: tuple[str, int], remote: tuple[str, int]) -> SocketOwner | None:
        """The owner of a socket.

        Args:
            local: the address of the socket itself, and its port.
            remote: the address of its peer, and its port.

        Returns:
            None if there is none, or its process has closed it.
        """
        for reading in self._readings:
            owner = reading.owner(local, remote)
            if owner is not None:
                return owner
        return None


class _Reading:
    """The tables as they are read once, no further than is needed."""

    def __init__(self) -> None:
        self._text = b""
        self._rest: Iterator[bytes] = pieces(TCP_TABLES)

    def __repr__(self) -> str:
        return f"<_Reading {len(self._text)} bytes read>"

    def owner(self, local: tuple[str, int], remote: tuple[str, int]) -> SocketOwner | None:
        # A socket of IPv6 may be connected to one of IPv4.
        rows = [row_of(local, remote)]
        if "." in local[0]:
            rows.append(row_of(*((f"::ffff:{host}", port) for host, port in (local, remote))))
        searched = 0
        while True:
            for row in rows:
                start = self._text.find(row, searched)
                if start >= 0 and b"\n" in self._text[start:]:
                    return owner_at(self._text, start)
            searched = max(0, len(self._text) - _ROW_BYTES)
            piece = next(self._rest, None)
            if piece is None:
                return None
            self._text += piece
