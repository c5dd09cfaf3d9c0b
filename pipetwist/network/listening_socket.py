"""A listening socket that leaves its table when it is closed, and accepts in fewer steps than
Python's own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

__all__ = ["BACKLOG", "ListeningSocket"]

_STREAM = int(socket.SOCK_STREAM)

BACKLOG = 4096
"""How many may wait to be accepted; the kernel lowers it to net.core.somaxconn."""


class ListeningSocket(socket.socket):
    """A listening socket, or one that receives datagrams.

    ``socket.accept`` gets the family, the type and the address of each connection, and makes
    members of enumerations of them, though they are the same for all connections of a listener.
    """

    label = ""
    """Its owner, for people."""
    left: Callable[[ListeningSocket], object] | None = None
    """Is called just before it is closed."""
    _accepts: int | None = None

    def take(self) -> socket.SocketType:
        """Accept one connection, whose socket blocks. The socket is no ``socket.socket``, since
        making one takes as long as a system call.

        Raises:
            OSError: as ``socket.accept``.
        """
        descriptor, _ = self._accept()  # type: ignore[attr-defined]  # it is what accept itself calls, and typeshed leaves it out
        if self._accepts is None:
            self._accepts = int(self.family)
        return socket.SocketType(self._accepts, _STREAM, 0, descriptor)

    def close(self) -> None:
        """Stop listening. A second call does nothing."""
        left, self.left = self.left, None
        if left is not None:
            left(self)
        super().close()
