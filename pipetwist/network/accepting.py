"""Accepts the connections of a listening socket of ours, a few in each turn, and outlives a
shortage of descriptors.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import AnyReactor
from pipetwist.network.listening_socket import ListeningSocket

__all__ = ["SHORTAGE_SECONDS", "BaseAcceptor"]

SHORTAGE_SECONDS = 0.1
"""A listener that can't accept for want of something stays readable; it is left alone for so
long.
"""
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@implementer(IReadDescriptor)
class BaseAcceptor:
    """Accepts once it is started. Its kinds say how many come in.

    Args:
        reactor: counts the time, and says when somebody waits.
        listening: the socket.
        accept: takes each connected socket, which blocks and is its from then on; raises OSError
            where there is no descriptor for it.
        log: is told where nobody can be accepted.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        listening: ListeningSocket,
        accept: Callable[[socket.SocketType], object],
        log: Logger,
    ) -> None:
        listening.setblocking(False)
        self.reactor = reactor
        self.listening = listening
        self._accept = accept
        self._log = log
        self._pause: IDelayedCall | None = None
        self._short = False
        self._watching = False

    def __repr__(self) -> str:
        state = (
            "waits for a descriptor" if self._pause else "accepts" if self._watching else "rests"
        )
        return f"<{type(self).__name__} {self.listening.fileno()}: {state}>"

    def start(self) -> None:
        """Accept from now on."""
        self.watch()
        self._watching = True

    def stop(self) -> None:
        """Accept nothing more. The socket is still to be closed."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self.rest()

    def rest(self) -> None:
        """Accept nothing until `resume`."""
        if self._watching:
            self._watching = False
            self.unwatch()

    def resume(self) -> None:
        """Accept again."""
        self._pause = None
        try:
            self.start()
        except OSError as refusal:
            # The kernel's bound on what is watched, or its memory, epoll_ctl(2)
            self._wait(refusal)

    # What kinds say.

    def count(self) -> int:
        """How many are accepted now, before others get their turn."""
        raise NotImplementedError

    def watch(self) -> None:
        """Have `doRead` called where somebody waits."""
        self.reactor.addReader(self)

    def unwatch(self) -> None:
        """Have it called no more."""
        self.reactor.removeReader(self)

    # IReadDescriptor.

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self.listening.fileno()

    def logPrefix(self) -> str:
        """A name for the reactor's log."""
        return "acceptor"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped reading this."""

    def doRead(self) -> None:
        """Accept some of those who wait."""
        take = self.listening.take
        for _ in range(self.count()):
            try:
                accepted = take()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._wait(error)
                    return
                # One that was gone before it was accepted (accept(2)): its error is nobody's.
                continue
            try:
                self._accept(accepted)
            except Exception as error:  # noqa: BLE001 - one connection's mistake does not end the listening
                if isinstance(error, OSError) and error.errno in _SHORTAGES:
                    self._wait(error)
                    return
                self._log.failure("A connection could not be accepted")
            self._short = False

    def wait(self) -> None:
        """Be left alone for a while."""
        self.rest()
        self._pause = self.reactor.callLater(SHORTAGE_SECONDS, self.resume)

    def _wait(self, shortage: OSError) -> None:
        if not self._short:
            self._short = True
            self._log.warn(
                "can't accept a connection: {error}; trying again",
                error=os.strerror(shortage.errno or 0),
            )
        self.wait()
