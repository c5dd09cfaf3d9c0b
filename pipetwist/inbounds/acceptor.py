"""Accepts the clients of an inbound's socket, as many as its gate has room for."""

from __future__ import annotations

import socket
from collections.abc import Callable

from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.setting import InboundSetting
from pipetwist.kernel.poller import IN
from pipetwist.network.accepting import Accepting
from pipetwist.network.listening_socket import ListeningSocket

__all__ = ["Acceptor"]

# So many connections are accepted before others get their turn.
BATCH = 64


class Acceptor(Accepting):
    """Hands on each connection that comes in.

    Args:
        setting: what the inbound works with.
        listening: the socket.
        gate: says how many may come in; while there is no room, who comes waits in the listening socket's queue.
        accepted: takes each connected socket, which is its from then on.
    """

    def __init__(
        self, setting: InboundSetting, listening: ListeningSocket, gate: Gate, accepted: Callable[[socket.SocketType], None]
    ) -> None:
        super().__init__(setting.reactor, listening, accepted, setting.log)
        self._poller = None if setting.kernel is None else setting.kernel.poller
        self._gate = gate

    def stop(self) -> None:
        """See `Accepting`."""
        self._gate.forget(self.resume)
        super().stop()

    def count(self) -> int:
        """See `Accepting`."""
        room = self._gate.room
        if not room:
            self.rest()
            self._gate.wait(self.resume)
        return min(BATCH, room)

    def watch(self) -> None:
        """See `Accepting`."""
        if self._poller is None:
            super().watch()
        else:
            self._poller.add(self.fileno(), self, IN)

    def unwatch(self) -> None:
        """See `Accepting`."""
        if self._poller is None:
            super().unwatch()
        else:
            self._poller.remove(self.fileno())

    # Pollable.

    def ready(self, events: int) -> None:
        """See `pipetwist.kernel.poller.Pollable`."""
        self.doRead()

    def failed(self) -> None:
        """See `pipetwist.kernel.poller.Pollable`: accepting is tried again."""
        self.wait()
