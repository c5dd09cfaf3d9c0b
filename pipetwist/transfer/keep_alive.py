"""TCP's keepalive (tcp(7)), which notices a peer that has vanished, and drops its connection."""

from __future__ import annotations

import math
import socket

from pipetwist.interfaces import AnyTransport
from pipetwist.transfer.socket_state import socket_of

__all__ = ["KeepAlive"]

_DEFAULTS = (300.0, 75.0)
# The maximum of Linux (MAX_TCP_KEEPIDLE in include/net/tcp.h).
_MAX_SECONDS = 32767
# macOS has another name for it. If a system has none, its own default applies.
_IDLE: int | None = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
_INTERVAL: int | None = getattr(socket, "TCP_KEEPINTVL", None)


class KeepAlive:
    """The keepalive of TCP sockets.

    Args:
        seconds: the idle time before the first probe, and the interval of further probes; None for
            no probes. Parts of a second count as a whole one.
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
        """Set it on a socket. The sockets that a listening one accepts inherit it."""
        for option in self._options:
            one.setsockopt(*option)

    def set_on_new(self, one: socket.SocketType) -> None:
        """The same for a new socket: options that have this value by default are not set."""
        if self._unusual is None:
            self._unusual = [
                (level, name, value)
                for level, name, value in self._options
                if one.getsockopt(level, name) != value
            ]
        for option in self._unusual:
            one.setsockopt(*option)

    def set_on_transport(self, transport: AnyTransport) -> None:
        """The same for the socket of a Twisted transport, if it has a TCP socket."""
        one = socket_of(transport)
        if one is not None and one.family in (socket.AF_INET, socket.AF_INET6):
            self.set_on(one)
