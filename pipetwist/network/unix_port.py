"""A listening unix socket of ours from which a reactor accepts, as it does from its own.

Twisted's own unix ports change the mode of the path that a socket was bound to and remove it, whatever is there by then.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.network.tcp_ports import MOST_ACCEPTED

__all__ = ["UnixPort"]

# A listener that can't accept for want of something stays readable; it is left alone for so long.
_SHORTAGE_SECONDS = 0.1
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@implementer(IReadDescriptor)
class UnixPort:
    """Accepts from the moment on in which it is made.

    Args:
        reactor: reads, and has the connections.
        listening: the socket, which is the port's from then on.
        factory: builds the protocols of who connects.
        log: is told where nobody can be accepted.
    """

    def __init__(self, reactor: Any, listening: socket.socket, factory: IProtocolFactory, log: Logger) -> None:
        listening.setblocking(False)
        self._reactor = reactor
        self._listening = listening
        self._factory = factory
        self._log = log
        self._pause: IDelayedCall | None = None
        self._short = False
        factory.doStart()
        reactor.addReader(self)

    def __repr__(self) -> str:
        return f"<UnixPort {self._listening.fileno()}: {'waits for a descriptor' if self._pause else 'accepts'}>"

    def stopListening(self) -> None:
        """Accept nobody any more. The file, if there is one, stays."""
        if self._pause is None:
            self._reactor.removeReader(self)
        else:
            self._pause.cancel()
        self._listening.close()
        self._factory.doStop()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._listening.fileno()

    def logPrefix(self) -> str:
        """A name for the reactor's log."""
        return "unix port"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped reading this."""

    def doRead(self) -> None:
        """Let in a few of those who wait."""
        for _ in range(MOST_ACCEPTED):
            try:
                accepted, _ = self._listening.accept()
                with accepted:  # the reactor makes a copy
                    accepted.setblocking(False)
                    self._reactor.adoptStreamConnection(accepted.fileno(), socket.AF_UNIX, self._factory)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._rest(error)
                    return
                # One that was gone before it was accepted (accept(2)): its error is nobody's.
                continue
            self._short = False

    def _rest(self, shortage: OSError) -> None:
        if not self._short:
            self._short = True
            self._log.warn("can't accept a connection: {error}; trying again", error=os.strerror(shortage.errno or 0))
        self._reactor.removeReader(self)
        self._pause = self._reactor.callLater(_SHORTAGE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._reactor.addReader(self)
