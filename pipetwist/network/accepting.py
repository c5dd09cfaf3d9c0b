"""Accepts connections at a listening socket, a few in each turn, and survives a shortage of
descriptors.
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
"""A socket that can't accept for lack of resources stays readable; it is not watched for this
time.
"""
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@implementer(IReadDescriptor)
class BaseAcceptor:
    """Accepts once it is started. Its subclasses say how many.

    Args:
        reactor: counts the time, and watches the socket.
        listening: the socket.
        accept: is called with each connected socket, which blocks, and owns it from then on; raises
            OSError if there is no descriptor for it.
        log: gets a warning when it can't accept.
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
        """Start to accept."""
        self.watch()
        self._watching = True

    def stop(self) -> None:
        """Stop accepting. The caller closes the socket."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self.rest()

    def rest(self) -> None:
        """Stop accepting until `resume`."""
        if self._watching:
            self._watching = False
            self.unwatch()

    def resume(self) -> None:
        """Accept again."""
        self._pause = None
        try:
            self.start()
        except OSError as refusal:
            # The kernel's limit on watched descriptors, or on memory, epoll_ctl(2)
            self._wait(refusal)

    # For subclasses.

    def count(self) -> int:
        """How many to accept in this turn."""
        raise NotImplementedError

    def watch(self) -> None:
        """Have `doRead` called when a client waits."""
        self.reactor.addReader(self)

    def unwatch(self) -> None:
        """Stop that."""
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
        """Accept some of the clients that wait."""
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
                # A client that was gone before it was accepted (accept(2)).
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
        """Do not watch the socket for a while."""
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
