"""The outbound ``endpoint``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.outbounds.options import OutboundOptions
from pipetwist.values import Text

__all__ = ["EndpointOutbound", "EndpointOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class EndpointOutboundOptions(OutboundOptions):
    """An outbound to whatever a Twisted client endpoint string describes."""

    type: Literal["endpoint"] = "endpoint"
    """Always ``endpoint``."""
    endpoint: Text
    """The endpoint string, for instance ``tcp:127.0.0.1:80``."""


class EndpointOutbound:
    """Stand-in until the next step."""

    Options: ClassVar[type[OutboundOptions]] = EndpointOutboundOptions
