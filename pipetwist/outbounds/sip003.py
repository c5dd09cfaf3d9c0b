"""The outbound ``sip003``: through a plug-in of shadowsocks, which is a program that carries each
connection to its far plug-in.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipetwist.datagram.sockets import MAX_UDP_BYTES
from pipetwist.interfaces import IClientOutbound, IRunningOutbound, ISide, Medium
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.plugin_datagrams import PluginDatagramOutbound
from pipetwist.outbounds.plugin_options import PluginOutboundOptions
from pipetwist.outbounds.plugin_outbound import PluginOutbound
from pipetwist.plugins.figures import OUTBOUND_PLUGIN_FIGURES
from pipetwist.plugins.sip003 import Sip003Client
from pipetwist.plugins.sip003_options import Sip003Options
from pipetwist.values import Host, ServerPort

__all__ = ["Sip003Outbound", "Sip003OutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class Sip003OutboundOptions(Sip003Options, PluginOutboundOptions):
    """An outbound through a plug-in of shadowsocks (SIP003)."""

    figures = OUTBOUND_PLUGIN_FIGURES
    of_streams = ("half_close", "transfer", "tls", "proxy_protocol")

    type: Literal["sip003"] = "sip003"
    """Always ``sip003``."""
    server: Host
    """The name or address of the server's plug-in."""
    server_port: ServerPort
    """Its port."""


@implementer(IClientOutbound, IRunningOutbound)
class Sip003Outbound(PluginOutbound):
    """Connects to a plug-in for each connection.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the program can't be started.
    """

    Options: ClassVar[type[OutboundOptions]] = Sip003OutboundOptions

    def __init__(self, options: Sip003OutboundOptions, context: OutboundContext) -> None:
        server = (options.server, options.server_port)
        contract = Sip003Client(options.plugin, options.plugin_opts, server, options.media)
        self._contract = contract
        super().__init__(options, context, context.plugins.make(options, contract))
        self.for_datagrams: PluginDatagramOutbound | None = None
        """What datagrams go to; None if it does not carry them over UDP."""
        if Medium.DATAGRAMS in options.media:
            self.for_datagrams = PluginDatagramOutbound(self, context, lambda: contract.address)
        if Medium.STREAM not in options.media:
            self.max_datagram_bytes = MAX_UDP_BYTES

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        if self.for_datagrams is not None and self.max_datagram_bytes is not None:
            return self.for_datagrams.connect()
        return super().connect_with(header)

    def open(
        self, make: Callable[[socket.SocketType], ISide | Deferred[ISide]]
    ) -> ISide | Deferred[ISide]:
        connecting: ISide | Deferred[ISide] = self.connect_plugin(self._contract.address, make)
        return connecting
