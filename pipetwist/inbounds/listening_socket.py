"""A listening socket that hands out connections with fewer steps than Python's own."""

from __future__ import annotations

import socket

__all__ = ["ListeningSocket"]


class ListeningSocket(socket.socket):
    """A stream socket to listen with.

    ``socket.accept`` asks for the family, the type and the address of each connection, and makes constants of the enumerations of them; all
    of a listener's are alike.
    """

    _accepts: int | None = None

    def take(self) -> socket.socket:
        """Accept one connection, whose socket blocks.

        Raises:
            OSError: as ``socket.accept``.
        """
        descriptor, _ = self._accept()  # type: ignore[attr-defined]  # it is what accept itself calls, and typeshed leaves it out
        if self._accepts is None:
            self._accepts = int(self.family)
        return socket.socket(self._accepts, _STREAM, 0, fileno=descriptor)


_STREAM = int(socket.SOCK_STREAM)
