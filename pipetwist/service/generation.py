"""Everything that follows from one configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipetwist.config.document import Document
from pipetwist.interfaces import IInbound, OutboundLike
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.relay.routing_table import Current, RoutingTable
from pipetwist.stats.tracking import Tracked
from pipetwist.users.index import UserIndex
from pipetwist.users.lists import UserLists

__all__ = ["Generation", "users_of"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Generation(RoutingTable):
    """Everything that follows from one configuration. It never changes: a reload builds the next
    one, and swaps it in with one step.

    An inbound that a reload can keep is in both generations.

    Attributes:
        document: the configuration.
        inbounds: every inbound by its tag.
        tracked: what is counted.
        users: who may come in at each inbound.
    """

    document: Document
    inbounds: Mapping[str, IInbound]
    tracked: Tracked
    users: UserLists

    @classmethod
    def of(
        cls,
        document: Document,
        inbounds: Mapping[str, IInbound],
        outbounds: Mapping[str, OutboundLike],
        tracked: Tracked,
        users: UserLists,
    ) -> Generation:
        """Make one.

        Args:
            document: the configuration.
            inbounds: all of its inbounds by their tags.
            outbounds: all of its outbounds by their tags.
            tracked: what it counts.
            users: who may come in at each inbound.
        """
        return cls(
            router=document.router(),
            outbounds=MappingProxyType(dict(outbounds)),
            tracked=tracked,
            document=document,
            inbounds=MappingProxyType(dict(inbounds)),
            users=users,
        )

    def __repr__(self) -> str:
        return f"<Generation {', '.join(self.inbounds)} -> {', '.join(self.outbounds)}>"


def users_of(current: Current[Generation]) -> Callable[[AskingOptions], UserIndex]:
    """A function that finds who may come in at an inbound, by the current generation."""
    return lambda options: current.now.users.of(options)
