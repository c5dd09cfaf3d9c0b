"""Has a reactor tell when a socket is connected or can be read, where there is no epoll set of
ours.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.kernel.poller import IN, OUT, Pollable

__all__ = ["ReactorWatcher"]


@implementer(IReadDescriptor, IWriteDescriptor)
class _Watched:
    """A descriptor, as the reactor sees it."""

    def __init__(self, descriptor: int, told: Pollable) -> None:
        self._descriptor = descriptor
        self._told = told

    def fileno(self) -> int:
        """See ``IFileDescriptor``."""
        return self._descriptor

    def doRead(self) -> None:
        """See ``IReadDescriptor``: there is something to read."""
        self._told.ready(IN)

    def doWrite(self) -> None:
        """See ``IWriteDescriptor``: connected, or failed."""
        self._told.ready(OUT)

    def logPrefix(self) -> str:
        """A name for the reactor's log."""
        return "connecting"

    def connectionLost(self, reason: Failure) -> None:
        """See ``IFileDescriptor``: so some reactors tell of a failure."""
        self._told.ready(OUT)


class ReactorWatcher:
    """Tells of descriptors that can be read or written to.

    Args:
        reactor: watches them.
    """

    def __init__(self, reactor: IReactorFDSet) -> None:
        self._reactor = reactor
        self._watched: dict[int, _Watched] = {}

    def __repr__(self) -> str:
        return f"<ReactorWatcher {len(self._watched)} watched>"

    def add(self, descriptor: int, told: Pollable, events: int) -> None:
        """Tell of a descriptor from now on."""
        watched = self._watched[descriptor] = _Watched(descriptor, told)
        if events & IN:
            self._reactor.addReader(watched)
        else:
            self._reactor.addWriter(watched)

    def remove(self, descriptor: int) -> None:
        """Do not tell of it any more."""
        watched = self._watched.pop(descriptor)
        self._reactor.removeReader(watched)
        self._reactor.removeWriter(watched)
