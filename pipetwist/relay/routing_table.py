"""Where connections go and what is counted of them, by one configuration. A reload brings other
routes, in one step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.interfaces import IRoute, OutboundLike, TrackerLike
from pipetwist.routing.rules import Router
from pipetwist.stats.tracking import Tracked

__all__ = ["Current", "HasRoutingTable", "Route", "RoutingTable"]


@implementer(IRoute)
class Route(NamedTuple):
    """A client that has been routed.

    Attributes:
        client_info: who it is.
        outbound: where it goes.
        tracker: counts it; None where nothing about it is tracked.
    """

    client_info: ClientInfo
    outbound: OutboundLike
    tracker: TrackerLike | None


@dataclass(frozen=True)
class RoutingTable:
    """Where connections go, and what is counted, which never changes.

    Attributes:
        router: chooses the outbound's tag.
        outbounds: every outbound by its tag.
        tracked: what is counted; None where nothing is.
    """

    router: Router
    outbounds: Mapping[str, OutboundLike]
    tracked: Tracked | None = None
    _latest: list[Route] = field(default_factory=list, init=False, repr=False, compare=False)

    def route(self, client_info: ClientInfo) -> Route:
        """Where a client goes. In the reactor's thread only."""
        # Where nobody asks who clients are, all that come in at an inbound are the very same
        # client.
        for latest in self._latest:
            if latest.client_info is client_info:
                return latest
        outbound = self.outbounds[self.router.choose(client_info.inbound, client_info.user)]
        tracker = (
            None
            if self.tracked is None
            else self.tracked.tracker(client_info.inbound, outbound.tag, client_info.user)
        )
        found = Route(client_info, outbound, tracker)
        self._latest[:] = (found,)
        return found


R = TypeVar("R", bound=RoutingTable)


class Current(Generic[R]):
    """What connections go by that come now.

    Whoever takes `now` once has all of one configuration, in any thread, whatever is swapped in
    meanwhile.

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


class HasRoutingTable(Protocol):
    """A `Current` of any kind of routes, to read from."""

    @property
    def now(self) -> RoutingTable:
        """What connections go by that come now."""
