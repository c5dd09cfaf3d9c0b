"""Accepts the connections of a listening socket, in batches, and outlives a shortage of descriptors."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Acceptor"]

# So many connections are accepted before others get their turn.
BATCH = 64
# A listener that can't accept for want of something stays readable; it is left alone for so long.
SHORTAGE_SECONDS = 0.1
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@implementer(IReadDescriptor)
class Acceptor:
    """Hands each connection to a factory.

    Args:
        reactor: reads descriptors, adopts sockets and counts the time.
        listening: the socket.
        factory: builds the protocols.
        log: is told of a shortage.
    """

    def __init__(self, reactor: Any, listening: socket.socket, factory: IProtocolFactory, log: Logger) -> None:
        listening.setblocking(False)
        self._reactor = reactor
        self._listening = listening
        self._factory = factory
        self._log = log
        self._pause: IDelayedCall | None = None
        self._short = False

    def start(self) -> None:
        """Accept from now on."""
        self._factory.doStart()
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Accept nothing more. The socket is still to be closed."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._reactor.removeReader(self)
        self._factory.doStop()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._listening.fileno()

    def logPrefix(self) -> str:
        """A name for the reactor's log."""
        return "acceptor"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped reading this."""

    def doRead(self) -> None:
        """Accept what waits."""
        for _ in range(BATCH):
            try:
                accepted, _ = self._listening.accept()
                with accepted:
                    self._reactor.adoptStreamConnection(accepted.fileno(), accepted.family, self._factory)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._wait(error)
                    return
                # One that was gone before it was accepted (accept(2)): its error is nobody's.
                continue
            self._short = False

    def _wait(self, shortage: OSError) -> None:
        if not self._short:
            self._short = True
            self._log.warn("can't accept a connection: {error}; trying again", error=os.strerror(shortage.errno or 0))
        self._reactor.removeReader(self)
        self._pause = self._reactor.callLater(SHORTAGE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._reactor.addReader(self)
