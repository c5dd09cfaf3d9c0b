"""Accepts the connections of a listening socket, in batches, and outlives a shortage of descriptors."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.setting import InboundSetting
from pipetwist.kernel.poller import IN
from pipetwist.network.listening_socket import ListeningSocket

__all__ = ["Acceptor"]

# So many connections are accepted before others get their turn.
BATCH = 64
# A listener that can't accept for want of something stays readable; it is left alone for so long.
SHORTAGE_SECONDS = 0.1
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@implementer(IReadDescriptor)
class Acceptor:
    """Hands on each connection that comes in.

    Args:
        setting: what the inbound works with.
        listening: the socket.
        gate: says how many may come in; while there is no room, who comes waits in the listening socket's queue.
        accepted: takes each connected socket, which is its from then on.
    """

    def __init__(
        self,
        setting: InboundSetting,
        listening: ListeningSocket,
        gate: Gate,
        accepted: Callable[[socket.socket], None],
    ) -> None:
        listening.setblocking(False)
        self._setting = setting
        self._listening = listening
        self._accepted = accepted
        self._gate = gate
        self._pause: IDelayedCall | None = None
        self._short = False
        self._watching = False

    def start(self) -> None:
        """Accept from now on."""
        self._watch()

    def stop(self) -> None:
        """Accept nothing more. The socket is still to be closed."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._gate.forget(self._resume)
        self._unwatch()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._listening.fileno()

    def logPrefix(self) -> str:
        """A name for the reactor's log."""
        return "acceptor"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped reading this."""

    def ready(self, events: int) -> None:
        """The poller has something to accept."""
        self.doRead()

    def failed(self) -> None:
        """See `pipetwist.kernel.poller.Pollable`: accepting is tried again."""
        self._rest()

    def doRead(self) -> None:
        """Accept what waits, as long as there is room."""
        most = min(BATCH, self._gate.room)
        if not most:
            self._unwatch()
            self._gate.wait(self._resume)
        for _ in range(most):
            try:
                accepted = self._listening.take()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._wait(error)
                    return
                # One that was gone before it was accepted (accept(2)): its error is nobody's.
                continue
            self._short = False
            try:
                self._accepted(accepted)
            except Exception:  # noqa: BLE001 - one connection's mistake does not end the listening
                self._setting.log.failure("A connection could not be let in")

    def _watch(self) -> None:
        if self._setting.kernel is None:
            self._setting.reactor.addReader(self)
        else:
            self._setting.kernel.poller.add(self._listening.fileno(), self, IN)
        self._watching = True

    def _unwatch(self) -> None:
        if not self._watching:
            return
        self._watching = False
        if self._setting.kernel is None:
            self._setting.reactor.removeReader(self)
        else:
            self._setting.kernel.poller.remove(self._listening.fileno())

    def _wait(self, shortage: OSError) -> None:
        if not self._short:
            self._short = True
            self._setting.log.warn("can't accept a connection: {error}; trying again", error=os.strerror(shortage.errno or 0))
        self._rest()

    def _rest(self) -> None:
        self._unwatch()
        self._pause = self._setting.reactor.callLater(SHORTAGE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        try:
            self._watch()
        except OSError as refusal:  # the kernel's bound on what is watched, or its memory, epoll_ctl(2)
            self._wait(refusal)
