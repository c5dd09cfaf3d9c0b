"""The outbound ``udp``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from socket import SocketKind
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred, fail, inlineCallbacks
from zope.interface import implementer

from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.sockets import MAX_UDP_BYTES, connect_datagram
from pipetwist.errors import ConnectError
from pipetwist.interfaces import IClientOutbound, InlineCallbacks, ISide, Medium
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.proxy_options import ProxiedDatagramOptions
from pipetwist.network.lookups import Lookups
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.proxied import DATAGRAM_HEADER_BYTES, ProxiedOutbound, headed_datagrams
from pipetwist.values import Host, ServerPort
from pipetwist.values.addresses import SocketAddress, numeric_address, shown_address
from pipetwist.values.bind_address import PortAddress

__all__ = ["UdpOutbound", "UdpOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UdpOutboundOptions(ProxiedDatagramOptions, OutboundOptions):
    """An outbound to a UDP server."""

    medium = Medium.DATAGRAMS

    type: Literal["udp"] = "udp"
    """Always ``udp``."""
    server: Host
    """The server's name or address."""
    server_port: ServerPort
    """The server's port."""

    @property
    def address(self) -> PortAddress:
        return PortAddress(self.server, self.server_port, "udp")


@implementer(IClientOutbound)
class UdpOutbound(ProxiedOutbound):
    """Opens a socket to a UDP server for each datagram connection.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    Options: ClassVar[type[OutboundOptions]] = UdpOutboundOptions
    max_datagram_bytes: int = MAX_UDP_BYTES

    def __init__(self, options: UdpOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.in_kernel = context.kernel is not None
        self._datagram_context = context.datagram_context or DatagramContext(
            context.reactor, None if context.kernel is None else context.kernel.poller
        )
        self.connect_timeout = options.connect_timeout
        self._options = options
        self._lookups = context.lookups or Lookups(context.reactor)
        self._shown = shown_address(options.server, options.server_port)
        self._numeric = numeric_address(options.server, options.server_port)
        self.use_headers(options, SocketKind.SOCK_DGRAM)
        if self.headers is not None:
            self.max_datagram_bytes = MAX_UDP_BYTES - DATAGRAM_HEADER_BYTES

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        if self._numeric is None:
            return self._connect_name(header)
        try:
            family, address = self._numeric
            return self._side(family, address, header)
        except ConnectError:
            return fail()

    def _side(self, family: int, address: SocketAddress, header: bytes | None) -> ISide:
        opened = connect_datagram(family, address, self._shown)
        return headed_datagrams(self._datagram_context, opened, header)

    @inlineCallbacks
    def _connect_name(self, header: bytes | None) -> InlineCallbacks[ISide]:
        found = yield self._lookups.find(self._options.server, self._options.server_port)
        # Whether anybody answers there is not known before an answer: of several addresses the
        # first that there is a way to is it.
        for family, address in found[:-1]:
            with contextlib.suppress(ConnectError):
                return self._side(family, address, header)
        family, address = found[-1]
        return self._side(family, address, header)
