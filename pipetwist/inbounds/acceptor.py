"""Accepts clients at an inbound's socket, as many as its gate has room for."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from pipetwist.inbounds.context import InboundContext
from pipetwist.kernel.poller import IN
from pipetwist.network.accepting import BaseAcceptor
from pipetwist.network.listening_socket import ListeningSocket

__all__ = ["Acceptor", "Room"]

# Accepted in one turn of the reactor at most.
BATCH = 64


class Room(Protocol):
    """What an acceptor needs of a gate."""

    @property
    def room(self) -> int:
        """How many more clients there is room for."""

    def wait(self, resume: Callable[[], None], /) -> None:
        """Call a function once there may be room."""

    def forget(self, resume: Callable[[], None], /) -> None:
        """Do not call it any more."""


class Acceptor(BaseAcceptor):
    """Accepts connections and passes each on.

    Args:
        context: what the inbound works with.
        listening: the socket.
        gate: says how many there is room for; while there is none, clients wait in the listening
            socket's queue.
        accepted: is called with each connected socket, and owns it from then on.
    """

    def __init__(
        self,
        context: InboundContext,
        listening: ListeningSocket,
        gate: Room,
        accepted: Callable[[socket.SocketType], None],
    ) -> None:
        super().__init__(context.reactor, listening, accepted, context.log)
        self._poller = None if context.kernel is None else context.kernel.poller
        self._gate = gate

    def stop(self) -> None:
        self._gate.forget(self.resume)
        super().stop()

    def count(self) -> int:
        room = self._gate.room
        if not room:
            self.rest()
            self._gate.wait(self.resume)
        return min(BATCH, room)

    def watch(self) -> None:
        if self._poller is None:
            super().watch()
        else:
            self._poller.add(self.fileno(), self, IN)

    def unwatch(self) -> None:
        if self._poller is None:
            super().unwatch()
        else:
            self._poller.remove(self.fileno())

    # Pollable.

    def ready(self, events: int) -> None:
        self.doRead()

    def failed(self) -> None:
        """See `pipetwist.kernel.poller.Pollable`: tries to accept again."""
        self.wait()
