"""The outbound ``tcp``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.outbounds.options import OutboundOptions, TlsClientOptions
from pipetwist.values import Port, Text

__all__ = ["TcpOutbound", "TcpOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class TcpOutboundOptions(OutboundOptions):
    """An outbound to a TCP server."""

    type: Literal["tcp"] = "tcp"
    """Always ``tcp``."""
    server: Text
    """The server's name or address."""
    server_port: Port
    """The server's port."""
    tls: TlsClientOptions | None = None
    """TLS; without it the bytes are plain."""


class TcpOutbound:
    """Stand-in until the next step."""

    Options: ClassVar[type[OutboundOptions]] = TcpOutboundOptions
