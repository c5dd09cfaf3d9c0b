"""Notices that a socket's peer has closed it, even while reading is paused.

Twisted does not watch a paused transport, and after an end of file only a write would notice it.
But the kernel knows it: an epoll set of our own asks for no events, and gets EPOLLHUP and EPOLLERR
all the same (epoll_ctl(2)).
"""

from __future__ import annotations

import select
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["PeerCloseWatch"]

_log = Logger()


@implementer(IReadDescriptor)
class PeerCloseWatch:
    """One epoll set for all watched sockets, which the reactor sees as one descriptor.

    Without epoll nothing is noticed; time-outs have to do then.

    Args:
        reactor: reads descriptors.
    """

    def __init__(self, reactor: IReactorFDSet) -> None:
        self._reactor = reactor
        self._told: dict[int, Callable[[], None]] = {}
        self._possible = hasattr(select, "epoll") and IReactorFDSet.providedBy(reactor)
        # Made with the first watched socket, since a daemon makes its services before it forks.
        self._epoll: select.epoll | None = None

    def __repr__(self) -> str:
        return f"<PeerCloseWatch {len(self._told)} watched>"

    def watch(self, descriptor: int, peer_closed: Callable[[], None]) -> None:
        """Call a function, once, when the peer of this socket has closed it.

        Args:
            descriptor: the socket's. Call `forget` with it when it is closed.
            peer_closed: called in the reactor's thread.
        """
        if not self._possible:
            return
        if self._epoll is None:
            self._epoll = select.epoll()
        try:
            # Edge-triggered, so that a condition is reported only once.
            self._epoll.register(descriptor, select.EPOLLET)
        except OSError:  # a kind of file that can't be polled; nothing is noticed then
            return
        if not self._told:
            self._reactor.addReader(self)
        self._told[descriptor] = peer_closed

    def forget(self, descriptor: int) -> None:
        """Stop watching this socket. The kernel forgets it by itself when it is closed."""
        if self._told.pop(descriptor, None) is not None and not self._told:
            self._reactor.removeReader(self)

    def doRead(self) -> None:
        """Call the functions of all whose peer has closed."""
        if self._epoll is None:
            return
        for descriptor, _ in self._epoll.poll(0):
            peer_closed = self._told.get(descriptor)
            if peer_closed is not None and _has_closed(descriptor):
                try:
                    peer_closed()
                except Exception:  # noqa: BLE001 - the reactor would take it for the end of the whole set
                    _log.failure("The end of a peer could not be handled")

    def fileno(self) -> int:
        """The epoll set's descriptor."""
        return -1 if self._epoll is None else self._epoll.fileno()

    def logPrefix(self) -> str:
        """A name for the reactor's log."""
        return "hang-ups"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped reading this."""
        self.close()

    def close(self) -> None:
        """Stop watching everything."""
        if self._told:
            self._told.clear()
            self._reactor.removeReader(self)
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None


def _has_closed(descriptor: int) -> bool:
    # While a command is being started it has copies of descriptors that are closed here, and the
    # kernel still reports their numbers.
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))
