"""TCP's keepalive (tcp(7)): a peer that has vanished without a word is found out, and its
connection lost.
"""

from __future__ import annotations

import math
import socket
from typing import Any

from pipetwist.transfer.socket_state import socket_of

__all__ = ["KeepAlive"]

_DEFAULTS = (300.0, 75.0)
# More than this Linux does not take (MAX_TCP_KEEPIDLE in include/net/tcp.h).
_MAX_SECONDS = 32767
# macOS has another name for it; where a system has none, it is its own that counts.
_IDLE: int | None = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
_INTERVAL: int | None = getattr(socket, "TCP_KEEPINTVL", None)


class KeepAlive:
    """What TCP sockets are to have.

    Args:
        seconds: after how long without a word the peer is asked for a sign of life, and how often
            again; None to ask never. Parts of a second count as a whole one.
    """

    def __init__(self, seconds: tuple[float, float] | None = _DEFAULTS) -> None:
        self._options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(seconds is not None))]
        for name, value in zip((_IDLE, _INTERVAL), seconds or (), strict=False):
            if name is not None:
                self._options.append(
                    (socket.IPPROTO_TCP, name, min(math.ceil(value), _MAX_SECONDS))
                )
        self._unusual: list[tuple[int, int, int]] | None = None

    def set_on(self, one: socket.SocketType) -> None:
        """Have a socket go by this. What a listening one accepts from then on does as well."""
        for option in self._options:
            one.setsockopt(*option)

    def set_on_new(self, one: socket.SocketType) -> None:
        """The same for a socket that nobody has changed: what the system's own values are for
        others too is left out.
        """
        if self._unusual is None:
            self._unusual = [
                (level, name, value)
                for level, name, value in self._options
                if one.getsockopt(level, name) != value
            ]
        for option in self._unusual:
            one.setsockopt(*option)

    def set_on_transport(self, transport: Any) -> None:
        """The same for the socket of a Twisted transport, where it has one and it is TCP's."""
        one = socket_of(transport)
        if one is not None and one.family in (socket.AF_INET, socket.AF_INET6):
            self.set_on(one)
