"""The inbound ``endpoint``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.inbounds.options import InboundOptions
from pipetwist.values import Text

__all__ = ["EndpointInbound", "EndpointInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class EndpointInboundOptions(InboundOptions):
    """An inbound on whatever a Twisted server endpoint string describes."""

    type: Literal["endpoint"] = "endpoint"
    """Always ``endpoint``."""
    endpoint: Text
    """The endpoint string, for instance ``systemd:domain=UNIX:name=pipe``."""


class EndpointInbound:
    """Stand-in until the next step."""

    Options: ClassVar[type[InboundOptions]] = EndpointInboundOptions
