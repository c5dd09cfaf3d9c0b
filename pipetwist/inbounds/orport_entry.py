"""Has the exchange of an Extended ORPort on the sockets that a pluggable transport has opened."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.kernel.connector import Watcher
from pipetwist.kernel.poller import IN
from pipetwist.plugins.extended_orport import NONCE_BYTES, ExtendedOrPort, OrPortError
from pipetwist.transfer.loss_reasons import NOT_NOW, describe_error

__all__ = ["OrPortEntry"]

EXCHANGE_SECONDS = 5.0
"""A transport that is not done by then is refused."""
_LOOK_BYTES = 1 << 12


class OrPortEntry:
    """Takes sockets until their exchange is done.

    Args:
        clock: bounds it.
        watcher: tells of the sockets' events.
        cookie: what the transport has to know.
        done: is called with a socket and its exchange. What it has to read then is the client's.
        refused: is called with the reason, for people, if an exchange fails; the socket is closed.
    """

    def __init__(
        self,
        clock: IReactorTime,
        watcher: Watcher,
        cookie: bytes,
        done: Callable[[socket.SocketType, ExtendedOrPort], None],
        refused: Callable[[str], None],
    ) -> None:
        self.clock = clock
        self.watcher = watcher
        self.done = done
        self.refused = refused
        self._cookie = cookie
        self._open: dict[_Exchange, None] = {}

    def __repr__(self) -> str:
        return f"<OrPortEntry {len(self._open)} open>"

    def accepted(self, accepted: socket.SocketType) -> None:
        """Begin an exchange."""
        machine = ExtendedOrPort(self._cookie, os.urandom(NONCE_BYTES))
        exchange = _Exchange(self, accepted, machine)
        self._open[exchange] = None
        exchange.start()

    def left(self, exchange: _Exchange) -> None:
        """An exchange is over."""
        self._open.pop(exchange, None)

    def stop(self) -> None:
        """Close the sockets whose exchange is not done."""
        for exchange in list(self._open):
            exchange.end()


class _Exchange:
    """One of them. What comes is looked at before it is read, so that what follows stays there."""

    def __init__(
        self, entry: OrPortEntry, accepted: socket.SocketType, machine: ExtendedOrPort
    ) -> None:
        self._entry = entry
        self._socket = accepted
        self._machine = machine
        self._late: IDelayedCall = entry.clock.callLater(EXCHANGE_SECONDS, self._too_late)
        self._watched = False

    def __repr__(self) -> str:
        return f"<_Exchange {self._machine!r}>"

    def start(self) -> None:
        """Say what begins it, and wait."""
        self._socket.setblocking(False)
        try:
            self._entry.watcher.add(self._socket.fileno(), self, IN)
            self._watched = True
            self._send()
        except OSError as error:
            self._fail(describe_error(error))

    def ready(self, events: int) -> None:
        """See `pipetwist.kernel.poller.Pollable`."""
        try:
            came = self._socket.recv(_LOOK_BYTES, socket.MSG_PEEK)
            if not came:
                message = "it closed the connection before it was done"
                raise OrPortError(message)
            self._socket.recv(self._taken(came))
            self._send()
        except OrPortError as error:
            self._say_last()
            self._fail(str(error))
        except OSError as error:
            if error.errno not in NOT_NOW:
                self._fail(describe_error(error))
        else:
            if self._machine.done:
                self._leave()
                self._entry.done(self._socket, self._machine)

    def failed(self) -> None:
        """See `pipetwist.kernel.poller.Pollable`."""
        self._fail("internal error")

    def end(self) -> None:
        """Close it."""
        self._leave()
        self._socket.close()

    def _taken(self, came: bytes) -> int:
        try:
            return self._machine.receive(came)
        except OrPortError:
            # Closed with something unread, it would be reset, and not hear the last word.
            self._socket.recv(len(came))
            raise

    def _send(self) -> None:
        # All of it is less than any socket's buffer takes at once.
        outgoing = self._machine.outgoing()
        if outgoing:
            self._socket.send(outgoing)

    def _say_last(self) -> None:
        try:
            self._send()
        except OSError:
            return

    def _too_late(self) -> None:
        self._fail(f"it was not done within {EXCHANGE_SECONDS:g} s")

    def _fail(self, why: str) -> None:
        self.end()
        self._entry.refused(why)

    def _leave(self) -> None:
        self._entry.left(self)
        if self._late.active():
            self._late.cancel()
        if self._watched:
            self._watched = False
            self._entry.watcher.remove(self._socket.fileno())
