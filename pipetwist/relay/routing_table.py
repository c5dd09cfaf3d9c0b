"""Where connections go and what is counted of them, by one configuration. A reload replaces it in
one step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, NamedTuple, Protocol, TypeVar

from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import RefusedError
from pipetwist.interfaces import IRoute, OutboundLike, TrackerLike
from pipetwist.routing.router import Router
from pipetwist.routing.rules import DATAGRAMS, network_of
from pipetwist.stats.tracking import Tracked

__all__ = ["Current", "HasRoutingTable", "Route", "RoutingTable"]


@implementer(IRoute)
class Route(NamedTuple):
    """The route of one client.

    Attributes:
        client_info: what is known of the client.
        outbound: the outbound that its connection goes to.
        tracker: counts its bytes; None if nothing of it is tracked.
    """

    client_info: ClientInfo
    outbound: OutboundLike
    tracker: TrackerLike | None


@dataclass(frozen=True)
class RoutingTable:
    """Where connections go, and what is counted. It never changes.

    Attributes:
        router: chooses the outbound's tag.
        outbounds: every outbound by its tag.
        tracked: what is counted; None if nothing is.
    """

    router: Router
    outbounds: Mapping[str, OutboundLike]
    tracked: Tracked | None = None
    _latest: list[Route] = field(default_factory=list, init=False, repr=False, compare=False)

    def route(self, client_info: ClientInfo) -> Route:
        """Route a client. In the reactor's thread only.

        Raises:
            RefusedError: a rule rejects it.
        """
        # If nothing depends on who clients are, all clients of an inbound share one ClientInfo.
        for latest in self._latest:
            if latest.client_info is client_info:
                return latest
        inbound, medium = client_info.inbound, client_info.medium
        network = None if medium is None else network_of(medium)
        rule, tag = self.router.decide(inbound, client_info.user, client_info.source, network)
        if tag is None:
            message = f"refused {client_info.peer}, which route.rules[{rule}] rejects"
            raise RefusedError(message)
        outbound = self.outbounds[tag]
        if tag in self._for_datagrams:
            network = network or self.router.networks(inbound)[0]
            outbound = self._for_datagrams[tag] if network == DATAGRAMS else outbound
        tracker = (
            None
            if self.tracked is None
            else self.tracked.tracker(inbound, outbound.tag, client_info.user)
        )
        found = Route(client_info, outbound, tracker)
        self._latest[:] = (found,)
        return found

    @cached_property
    def _for_datagrams(self) -> Mapping[str, OutboundLike]:
        """What datagrams go to, of the outbounds that carry streams too."""
        # Outbounds of other programs need not have this attribute.
        found = ((tag, getattr(one, "for_datagrams", None)) for tag, one in self.outbounds.items())
        return {tag: outbound for tag, outbound in found if outbound is not None}


R = TypeVar("R", bound=RoutingTable)


class Current(Generic[R]):
    """The routing table of new connections.

    Code that reads `now` once sees one whole configuration, in any thread, even if another is
    swapped in meanwhile.

    Args:
        now: the first one.
    """

    __slots__ = ("now",)

    def __init__(self, now: R) -> None:
        self.now = now

    def __repr__(self) -> str:
        return f"<Current {self.now!r}>"

    def swap(self, following: R) -> R:
        """Replace it, for connections that begin from now on.

        Returns:
            The previous one.
        """
        before, self.now = self.now, following
        return before


class HasRoutingTable(Protocol):
    """A `Current` of any routing table, for readers."""

    @property
    def now(self) -> RoutingTable:
        """The routing table of new connections."""
