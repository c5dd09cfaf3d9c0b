"""The outbound ``tcp``, with TLS or without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from pipetwist.interfaces import IOutbound, ISide
from pipetwist.outbounds.endpoint import connect_endpoint
from pipetwist.outbounds.options import OutboundOptions, TlsClientOptions
from pipetwist.outbounds.setting import OutboundSetting
from pipetwist.tls import client_tls
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


@implementer(IOutbound)
class TcpOutbound:
    """Connects a TCP server for each connection.

    Args:
        options: what the configuration says.
        setting: what it works with.

    Raises:
        StartError: the CA's file can't be used.
    """

    Options: ClassVar[type[OutboundOptions]] = TcpOutboundOptions

    def __init__(self, options: TcpOutboundOptions, setting: OutboundSetting) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self._setting = setting
        endpoint: IStreamClientEndpoint = HostnameEndpoint(
            setting.reactor, options.server, options.server_port, timeout=options.connect_timeout
        )
        if options.tls is not None and options.tls.enabled:
            tls = client_tls(f"outbound {self.tag}", options.tls.server_name or options.server, options.tls.certificate_path)
            endpoint = wrapClientTLS(tls, endpoint)
        self._endpoint = endpoint

    def connect(self) -> Deferred[ISide]:
        """See `IOutbound`."""
        return connect_endpoint(self._endpoint, self._setting)
