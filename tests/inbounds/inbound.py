"""What a gate needs of an inbound, without one that listens."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipetwist.inbounds.context import InboundContext
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions

__all__ = ["NoInbound"]


@dataclass
class NoInbound:
    """An inbound that listens nowhere.

    Args:
        context: what it works with.
        options: what its configuration says.
    """

    context: InboundContext
    options: InboundOptions = field(default_factory=lambda: StreamInboundOptions(tag="in"))
