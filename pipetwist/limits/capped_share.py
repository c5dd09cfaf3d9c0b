"""The bounds of an inbound of streams: how many clients it may have, and accept in a second. Beyond
them nothing is accepted, and clients wait in the listening socket's queue.
"""

from __future__ import annotations

import sys
from math import inf
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.descriptors import DescriptorShares, Share
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.limits.limits import Limits
from pipetwist.limits.notices import Notices
from pipetwist.limits.seats import PerSecond

__all__ = ["Cap", "CappedShare", "Caps"]


class Cap:
    """The bounds of one inbound.

    Args:
        clock: counts the time.
        shares: is woken when one more may be accepted.
        notices: is told when a bound is reached.
        connections: how many there are.
        entering: how many clients are not connections yet, as in a handshake.
    """

    def __init__(
        self,
        clock: IReactorTime,
        shares: DescriptorShares,
        notices: Notices,
        connections: int,
        entering: int,
    ) -> None:
        self.clients = connections + entering
        """How many there are, those in a handshake too."""
        self.entering = entering
        """How many of those that were accepted before a handshake are not connections yet, or never
        became some.
        """
        self.most = inf
        """How many there may be."""
        self._per_second: PerSecond | None = None
        self._clock = clock
        self._shares = shares
        self._notices = notices
        self._counted = 0
        self._call: IDelayedCall | None = None

    def __repr__(self) -> str:
        return f"<Cap {self.clients} of {self.most:g} clients, {self._per_second!r}>"

    def set(self, options: LimitOptions) -> None:
        """From now on these hold."""
        self.most = options.max_connections or inf
        rate = options.connections_per_second
        if rate is None:
            self._per_second = None
        elif self._per_second is None or self._per_second.rate != rate:
            self._per_second = PerSecond(self._clock.seconds(), rate)
            self.stop()  # it would wake them when the other rate had let one in

    @property
    def room(self) -> int:
        """How many more may be accepted now."""
        free = self.most - self.clients
        room = sys.maxsize if free == inf else max(0, int(free))
        if self._per_second is None:
            return room
        left = self._per_second.left(self._clock.seconds())
        if not left and self._call is None:
            self._call = self._clock.callLater(self._per_second.seconds_until_one(), self._wake)
        return min(room, left)

    @property
    def lacks(self) -> str:
        """The key of the bound that is reached; empty if none is."""
        if self.clients >= self.most:
            return "max_connections"
        full = self._per_second is not None and not self._per_second.left(self._clock.seconds())
        return "connections_per_second" if full else ""

    def begin(self) -> None:
        """One was accepted."""
        self.clients += 1
        if self._per_second is not None:
            self._per_second.take()

    def tell(self, tag: str, limit: str) -> None:
        """Say that a bound is reached."""
        self._notices.hit(f"inbound {tag}", limit, "new clients wait")

    def stop(self) -> None:
        """Wake nobody any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _wake(self) -> None:
        self._call = None
        self._shares.wake()


class CappedShare(Share):
    """A share of an inbound that has bounds."""

    __slots__ = ()

    @property
    def cap(self) -> Cap:
        """Its bounds."""
        shares: Any = self._shares  # only where something is bounded it has this
        found: Cap = shares.caps[self.tag]
        return found

    @property
    def connections(self) -> int:
        """How many are open."""
        return sum(flow.open for flow in self._flows.values())

    @property
    def room(self) -> int:
        return min(super().room, self.cap.room)

    def enter(self) -> int:
        cap = self.cap
        cap.begin()
        cap.entering += 1
        return super().enter()

    def entered(self, kept: int) -> None:
        self.cap.clients -= 1
        super().entered(kept)

    def opened(self, outbound: str) -> None:
        cap = self.cap
        if cap.entering:
            # It was counted when it was accepted, before its handshake.
            cap.entering -= 1
            cap.clients += 1
        else:
            cap.begin()
        super().opened(outbound)

    def closed(self, outbound: str) -> None:
        self.cap.clients -= 1
        super().closed(outbound)

    def tell(self, what: str) -> None:
        limit = self.cap.lacks
        if limit:
            self.cap.tell(self.tag, limit)
        else:
            super().tell(what)


class Caps:
    """The bounds of all inbounds.

    Args:
        clock: counts the time.
        shares: the shares of all inbounds.
        notices: is told when a bound is reached.
    """

    def __init__(self, clock: IReactorTime, shares: DescriptorShares, notices: Notices) -> None:
        self._clock = clock
        self._shares = shares
        self._notices = notices
        self._caps: dict[str, Cap] = {}

    def __repr__(self) -> str:
        return f"<Caps {self._caps}>"

    def configure(self, limits: Limits) -> None:
        """From now on these limits hold; who is connected stays."""
        if not (self._caps or limits.inbound):
            return
        shares: Any = self._shares  # only where something is bounded it has these
        shares.caps = self._caps
        for tag in {*self._caps, *limits.inbound}:
            options = limits.inbound.get(tag)
            share: Any = self._shares.share(tag)  # mypy has an object's class unchangeable
            cap = self._caps.get(tag)
            if isinstance(options, LimitOptions) and _bounds(options):
                if cap is None:
                    share.__class__ = CappedShare  # both have the same slots
                    cap = self._caps[tag] = Cap(
                        self._clock,
                        self._shares,
                        self._notices,
                        share.connections,
                        share.coming,
                    )
                cap.set(options)
            elif cap is not None:
                cap.stop()
                share.__class__ = Share
                del self._caps[tag]
        self._shares.wake()

    def stop(self) -> None:
        """Wake nobody any more."""
        for cap in self._caps.values():
            cap.stop()


def _bounds(options: LimitOptions) -> bool:
    return options.max_connections is not None or options.connections_per_second is not None
