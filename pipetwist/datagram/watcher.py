"""Watches descriptors with the reactor, for systems without `pipetwist.kernel.poller.Poller`, with
the poller's methods.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor, IWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.kernel.poller import IN, OUT, Pollable

__all__ = ["Watcher"]

_log = Logger()


@implementer(IReadDescriptor, IWriteDescriptor)
class _Watched:
    """One descriptor, for the reactor."""

    def __init__(self, descriptor: int, told: Pollable) -> None:
        self._descriptor = descriptor
        self._told = told

    def fileno(self) -> int:
        return self._descriptor

    def logPrefix(self) -> str:
        return "datagrams"

    def doRead(self) -> None:
        self._tell(IN)

    def doWrite(self) -> None:
        self._tell(OUT)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped watching it."""

    def _tell(self, events: int) -> None:
        try:
            self._told.ready(events)
        except Exception:  # noqa: BLE001 - one socket's mistake is not the others'
            _log.failure("A descriptor's events could not be handled")
            self._told.failed()


class Watcher:
    """Reports the events of many descriptors, like `pipetwist.kernel.poller.Poller`.

    Args:
        reactor: watches them.
    """

    def __init__(self, reactor: IReactorFDSet) -> None:
        self._reactor = reactor
        self._watched: dict[int, _Watched] = {}

    def __repr__(self) -> str:
        return f"<Watcher {len(self._watched)} watched>"

    def add(self, descriptor: int, told: Pollable, events: int) -> None:
        """Start to watch a descriptor."""
        self._watched[descriptor] = _Watched(descriptor, told)
        self.change(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        """Watch it for other events."""
        watched = self._watched[descriptor]
        (self._reactor.addReader if events & IN else self._reactor.removeReader)(watched)
        (self._reactor.addWriter if events & OUT else self._reactor.removeWriter)(watched)

    def remove(self, descriptor: int) -> None:
        """Stop watching it. It must still be open."""
        watched = self._watched.pop(descriptor)
        self._reactor.removeReader(watched)
        self._reactor.removeWriter(watched)
