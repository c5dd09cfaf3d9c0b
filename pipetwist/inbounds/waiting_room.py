"""Clients of an inbound that were accepted before anybody knew that they are its clients, and for
whom there is no room yet.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable

from pipetwist.descriptors import Share
from pipetwist.inbounds.gate import Gate

__all__ = ["MOST", "WaitingRoom"]

MOST = 64
"""So many wait at most; others are refused."""


class WaitingRoom:
    """Takes clients' sockets, and passes each on once there is room.

    Args:
        gate: the inbound's.
        share: lends descriptors to those that wait.
        enter: takes a socket, and owns it from then on.
    """

    def __init__(
        self, gate: Gate, share: Share, enter: Callable[[socket.SocketType], None]
    ) -> None:
        self._gate = gate
        self._share = share
        self._enter = enter
        self._waiting: deque[socket.SocketType] = deque()

    def __repr__(self) -> str:
        return f"<WaitingRoom of {self._gate.tag}: {len(self._waiting)} waiting>"

    def take(self, accepted: socket.SocketType) -> None:
        """Pass a client on, or have it wait."""
        if self._gate.room and not self._waiting:
            self._enter(accepted)
            return
        if len(self._waiting) >= MOST or not self._share.lend(1):
            self._gate.refuse(f"refused a client: there is no room, and {len(self)} wait")
            accepted.close()
            return
        self._waiting.append(accepted)
        if len(self) == 1:
            self._gate.wait(self._resume)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def stop(self) -> None:
        """Close those that wait."""
        self._gate.forget(self._resume)
        while self._waiting:
            self._waiting.popleft().close()
            self._share.returned(1)

    def _resume(self) -> None:
        while self._waiting and self._gate.room:
            accepted = self._waiting.popleft()
            self._share.returned(1)
            self._enter(accepted)
        if self._waiting:
            self._gate.wait(self._resume)
