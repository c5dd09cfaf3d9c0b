"""Has the handshake with a proxy on a connected socket."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred

from pipetwist.errors import ConnectError
from pipetwist.kernel.connector import Watcher
from pipetwist.kernel.poller import IN, OUT
from pipetwist.socks.handshake import ProxyHandshake
from pipetwist.transfer.loss_reasons import NOT_NOW, describe_error

__all__ = ["shake_hands"]

_PEEK: Final = int(getattr(socket, "MSG_PEEK", 2))
_LOOK_BYTES = 1 << 12


class _ShakingHands:
    """A handshake that is under way. What comes is looked at before it is read, so that what
    follows the proxy's reply stays in the socket.
    """

    def __init__(
        self,
        watcher: Watcher,
        opened: socket.SocketType,
        handshake: ProxyHandshake,
        name: str,
    ) -> None:
        self._watcher = watcher
        self._socket = opened
        self._handshake = handshake
        self._name = name
        self._queued = b""
        self._events = 0
        self.done: Deferred[socket.SocketType] = Deferred(lambda _: self._end())

    def __repr__(self) -> str:
        return f"<_ShakingHands {self._name} {self._handshake!r}>"

    def start(self) -> None:
        """Send what begins it."""
        self._take(self._send)

    def ready(self, events: int) -> None:
        """See `pipetwist.kernel.poller.Pollable`."""
        self._take(self._receive if self._events == IN else self._send)

    def failed(self) -> None:
        """See `pipetwist.kernel.poller.Pollable`."""
        self._fail(ConnectError("internal error"))

    def _take(self, step: Callable[[], None]) -> None:
        try:
            step()
        except ConnectError as error:
            self._fail(error)
        except OSError as error:
            if error.errno not in NOT_NOW:
                self._fail(ConnectError(f"the proxy was lost: {describe_error(error)}"))

    def _send(self) -> None:
        self._queued += self._handshake.outgoing()
        # Nothing is read until everything was sent.
        self._watch(OUT if self._queued else IN)
        if self._queued:
            self._queued = self._queued[self._socket.send(self._queued) :]
            if not self._queued:
                self._watch(IN)

    def _receive(self) -> None:
        came = self._socket.recv(_LOOK_BYTES, _PEEK)
        if not came:
            message = "the proxy closed the connection in the handshake"
            raise ConnectError(message)
        self._socket.recv(self._handshake.receive(came))
        if not self._handshake.done:
            self._send()
            return
        self._watch(0)
        self.done.callback(self._socket)

    def _watch(self, events: int) -> None:
        if events == self._events:
            return
        if self._events:
            self._watcher.remove(self._socket.fileno())
        self._events = 0
        if events:
            self._watcher.add(self._socket.fileno(), self, events)
            self._events = events

    def _fail(self, error: ConnectError) -> None:
        self._end()
        self.done.errback(type(error)(f"{self._name}: {error}"))

    def _end(self) -> None:
        self._watch(0)
        self._socket.close()


def shake_hands(
    watcher: Watcher, opened: socket.SocketType, handshake: ProxyHandshake, name: str
) -> Deferred[socket.SocketType]:
    """Have the handshake with a proxy.

    Args:
        watcher: tells of the socket's events.
        opened: the socket, connected to the proxy, which is closed where this fails or is
            cancelled.
        handshake: what is said.
        name: the proxy, for people.

    Returns:
        The socket, which leads to the server then: what the server may have said is still to be
        read from it. Fails with ConnectError, and where nobody listens at the server's address with
        NobodyListensError.
    """
    opened.setblocking(False)
    shaking = _ShakingHands(watcher, opened, handshake, name)
    shaking.start()
    return shaking.done
