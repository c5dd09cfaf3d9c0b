"""Everything that follows from one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipetwist.config.document import Document
from pipetwist.interfaces import IInbound, OutboundLike
from pipetwist.relay.routing_table import RoutingTable
from pipetwist.stats.tracking import Tracked

__all__ = ["Generation"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Generation(RoutingTable):
    """Everything that follows from one configuration. It never changes: a reload builds the next
    one, and swaps it in with one step.

    An inbound that a reload can keep is in both generations.

    Attributes:
        document: the configuration.
        inbounds: every inbound by its tag.
        tracked: what is counted.
    """

    document: Document
    inbounds: Mapping[str, IInbound]
    tracked: Tracked

    @classmethod
    def of(
        cls,
        document: Document,
        inbounds: Mapping[str, IInbound],
        outbounds: Mapping[str, OutboundLike],
        tracked: Tracked,
    ) -> Generation:
        """Make one.

        Args:
            document: the configuration.
            inbounds: all of its inbounds by their tags.
            outbounds: all of its outbounds by their tags.
            tracked: what it counts.
        """
        return cls(
            router=document.router(),
            outbounds=MappingProxyType(dict(outbounds)),
            tracked=tracked,
            document=document,
            inbounds=MappingProxyType(dict(inbounds)),
        )

    def __repr__(self) -> str:
        return f"<Generation {', '.join(self.inbounds)} -> {', '.join(self.outbounds)}>"
