"""A listening socket that leaves its table when it is closed, and hands out connections with fewer
steps than Python's own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

__all__ = ["BACKLOG", "ListeningSocket"]

_STREAM = int(socket.SOCK_STREAM)

BACKLOG = 4096
"""How many may wait to be accepted; the kernel lowers it to net.core.somaxconn."""


class ListeningSocket(socket.socket):
    """A socket that anybody may connect or send to.

    ``socket.accept`` asks for the family, the type and the address of each connection, and makes
    constants of the enumerations of them; all of a listener's are alike.
    """

    label = ""
    """Whose it is, for people."""
    left: Callable[[ListeningSocket], object] | None = None
    """Is told when it is about to be closed."""
    _accepts: int | None = None

    def take(self) -> socket.SocketType:
        """Accept one connection, whose socket blocks. What it has not got of ``socket.socket``
        takes as long to make as a system call.

        Raises:
            OSError: as ``socket.accept``.
        """
        descriptor, _ = self._accept()  # type: ignore[attr-defined]  # it is what accept itself calls, and typeshed leaves it out
        if self._accepts is None:
            self._accepts = int(self.family)
        return socket.SocketType(self._accepts, _STREAM, 0, descriptor)

    def close(self) -> None:
        """Listen no more; again does nothing."""
        left, self.left = self.left, None
        if left is not None:
            left(self)
        super().close()
