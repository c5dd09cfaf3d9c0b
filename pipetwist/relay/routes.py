"""Where connections go and what is counted of them, by one configuration. A reload brings other routes, in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from zope.interface import implementer

from pipetwist.connection.visitor import Visitor
from pipetwist.interfaces import IPassage, OutboundLike, TrackerLike
from pipetwist.routing.rules import Router
from pipetwist.stats.tracking import Tracked

__all__ = ["Current", "HasRoutes", "Passage", "Routes"]


@implementer(IPassage)
class Passage(NamedTuple):
    """A visitor that has been routed.

    Attributes:
        visitor: who it is.
        outbound: where it goes.
        tracker: counts it; None where nothing about it is tracked.
    """

    visitor: Visitor
    outbound: OutboundLike
    tracker: TrackerLike | None


@dataclass(frozen=True)
class Routes:
    """Where connections go, and what is counted, which never changes.

    Attributes:
        router: chooses the outbound's tag.
        outbounds: every outbound by its tag.
        tracked: what is counted; None where nothing is.
    """

    router: Router
    outbounds: Mapping[str, OutboundLike]
    tracked: Tracked | None = None
    _latest: list[Passage] = field(default_factory=list, init=False, repr=False, compare=False)

    def passage(self, visitor: Visitor) -> Passage:
        """Where a visitor goes. In the reactor's thread only."""
        # Where nobody asks who clients are, all that come in at an inbound are the very same visitor.
        for latest in self._latest:
            if latest.visitor is visitor:
                return latest
        outbound = self.outbounds[self.router.choose(visitor.inbound, visitor.user)]
        tracker = None if self.tracked is None else self.tracked.tracker(visitor.inbound, outbound.tag, visitor.user)
        found = Passage(visitor, outbound, tracker)
        self._latest[:] = (found,)
        return found


R = TypeVar("R", bound=Routes)


class Current(Generic[R]):
    """What connections go by that come now.

    Whoever takes `now` once has all of one configuration, in any thread, whatever is swapped in meanwhile.

    Args:
        now: what they go by at first.
    """

    __slots__ = ("now",)

    def __init__(self, now: R) -> None:
        self.now = now

    def __repr__(self) -> str:
        return f"<Current {self.now!r}>"

    def swap(self, following: R) -> R:
        """Have who comes from now on go by others.

        Returns:
            Those of before.
        """
        before, self.now = self.now, following
        return before


class HasRoutes(Protocol):
    """A `Current` of any kind of routes, to read from."""

    @property
    def now(self) -> Routes:
        """What connections go by that come now."""
