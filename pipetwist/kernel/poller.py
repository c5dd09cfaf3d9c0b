"""An epoll set of ours, which the reactor sees as one descriptor.

The reactor's work for each event is done once for a batch. Descriptors are level-triggered: what is
left over is told of again, so nobody has to be remembered, and one that is busy waits until the
others of its batch had their turn. Only TLS handshakes ask to be told `ONCE`.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol, cast

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["IN", "ONCE", "OUT", "Events", "Pollable", "Poller"]

IN = getattr(select, "EPOLLIN", 1)
OUT = getattr(select, "EPOLLOUT", 4)
# With others: each is told of once, when it is new, and again only when there is more.
ONCE = getattr(select, "EPOLLET", 1 << 31)
# Nothing but the end of a descriptor, which the kernel tells of unasked: said once, or it would be
# said for ever.
_QUIET = ONCE
# Events in a batch, and batches before the reactor's other descriptors and timers get their turn.
_BATCH = 256
_ROUNDS = 16
# An answer is often on its way already: so long it is looked for before the thread sleeps, where
# that has paid of late.
_SPIN_SECONDS = 25e-6
_MAX_PENALTY = 512

_log = Logger()


class Pollable(Protocol):
    """What a descriptor's events are told to."""

    def ready(self, events: int) -> None:
        """The descriptor has these events (`IN`, `OUT`, EPOLLHUP, EPOLLERR)."""

    def failed(self) -> None:
        """`ready` has raised, and in what state it left this nobody knows: end. Nothing more is
        told afterwards.
        """


class Events:
    """Takes the events of one of several descriptors that belong together to the method that they
    concern.

    Args:
        ready: see `Pollable`.
        failed: see `Pollable`.
    """

    __slots__ = ("failed", "ready")

    def __init__(self, ready: Callable[[int], None], failed: Callable[[], None]) -> None:
        self.ready = ready
        self.failed = failed


@implementer(IReadDescriptor)
class Poller:
    """Tells of the events of many descriptors.

    Args:
        reactor: reads this set as one descriptor while there is anything in it.
    """

    def __init__(self, reactor: IReactorFDSet) -> None:
        self._reactor = reactor
        # Opened with the first descriptor: a daemon's services are made before it forks, and may be
        # stopped and started again.
        self._epoll: Any = None  # a select.epoll, which mypy knows of on Linux alone
        self._told: dict[int, Pollable] = {}
        self._new: set[int] = set()  # added since the batch was looked up
        self._skip = 0
        self._penalty = 1

    def __repr__(self) -> str:
        return f"<Poller {len(self._told)} watched>"

    def add(self, descriptor: int, told: Pollable, events: int) -> None:
        """Tell of a descriptor's events from now on.

        Raises:
            OSError: the kernel can't watch it.
        """
        if self._epoll is None:
            self._epoll = select.epoll()
        self._epoll.register(descriptor, events or _QUIET)
        if not self._told:
            self._reactor.addReader(self)
        self._told[descriptor] = told
        self._new.add(descriptor)

    def change(self, descriptor: int, events: int) -> None:
        """Tell of other events; with none only of the descriptor's end, once."""
        self._epoll.modify(descriptor, events or _QUIET)

    def remove(self, descriptor: int) -> None:
        """Tell no more. It must be open still.

        Closing it would not be enough: a command that is just being started has a copy of it until
        its exec, as long as which the kernel goes on telling of the number, whoever has it by then
        (epoll(7), questions and answers).
        """
        del self._told[descriptor]
        if not self._told:
            self._reactor.removeReader(self)
        self._epoll.unregister(descriptor)

    def doRead(self) -> None:
        """Tell of what has happened, batch after batch while there is more."""
        told, new = self._told, self._new
        for _ in range(_ROUNDS):
            events = self._epoll.poll(0, _BATCH) or self._spin()
            new.clear()
            for descriptor, what in events:
                pollable = told.get(descriptor)
                # One that was closed in this batch may be another's by its turn.
                if pollable is not None and descriptor not in new:
                    try:
                        pollable.ready(what)
                    except Exception:  # noqa: BLE001 - one connection's mistake is not the others'
                        self._failed(descriptor, pollable)
            if not events or not told:  # the last of them may have closed this set
                return

    def _spin(self) -> list[tuple[int, int]]:
        """Look for a moment whether something comes. Each time in vain makes it rarer, up to once
        in `_MAX_PENALTY` turns.
        """
        if self._skip:
            self._skip -= 1
            return []
        poll = self._epoll.poll
        until = perf_counter() + _SPIN_SECONDS
        while perf_counter() < until:
            events: list[tuple[int, int]] = poll(0, _BATCH)
            if events:
                self._penalty = 1
                return events
        self._skip = self._penalty
        self._penalty = min(self._penalty * 2, _MAX_PENALTY)
        return []

    def fileno(self) -> int:
        """The set's descriptor."""
        return -1 if self._epoll is None else cast("int", self._epoll.fileno())

    def logPrefix(self) -> str:
        """A name for the reactor's log."""
        return "poller"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped reading this."""

    def close(self) -> None:
        """Watch nothing more."""
        if self._told:
            self._told.clear()
            self._reactor.removeReader(self)
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None

    def _failed(self, descriptor: int, pollable: Pollable) -> None:
        _log.failure("A descriptor's events could not be handled")
        try:
            pollable.failed()
        except Exception:  # noqa: BLE001 - the reactor would take it for the end of the whole set
            _log.failure(
                "A descriptor whose events could not be handled could not be closed either"
            )
        if self._told.get(descriptor) is pollable:
            # Level-triggered, it would be told of for ever. It may be closed, and nobody has said
            # so.
            with contextlib.suppress(OSError):
                self.remove(descriptor)
