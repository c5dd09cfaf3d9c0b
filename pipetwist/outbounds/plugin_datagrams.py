"""Where the datagrams of an outbound go whose plug-in carries some."""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.sockets import MAX_UDP_BYTES, connect_datagram
from pipetwist.interfaces import IOutbound, ISide
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.plugin_outbound import PluginOutbound
from pipetwist.plugins.datagram_sides import PluginDatagramSide

__all__ = ["PluginDatagramOutbound"]


@implementer(IOutbound)
class PluginDatagramOutbound:
    """Opens a socket to a plug-in for each datagram connection.

    Args:
        outbound: the outbound that has the plug-in.
        context: what that works with.
        address: the IP address and the port that the plug-in is ready at.
    """

    max_datagram_bytes: int = MAX_UDP_BYTES

    def __init__(
        self,
        outbound: PluginOutbound,
        context: OutboundContext,
        address: Callable[[], tuple[str, int]],
    ) -> None:
        self.tag = outbound.tag
        self.connect_timeout = outbound.connect_timeout
        self.in_kernel = outbound.in_kernel
        self._outbound = outbound
        self._address = address
        self._datagram_context = context.datagram_context or DatagramContext(
            context.reactor, None if context.kernel is None else context.kernel.poller
        )

    def __repr__(self) -> str:
        return f"<PluginDatagramOutbound of {self._outbound.plugin!r}>"

    def connect(self) -> ISide | Deferred[ISide]:
        return self._outbound.once_ready(self._open)

    def _open(self) -> ISide:
        outbound, address = self._outbound, self._address()
        opened = connect_datagram(socket.AF_INET, address, outbound.shown_plugin(address))
        connections = outbound.plugin.connections
        side: ISide = PluginDatagramSide(self._datagram_context, opened, connections)
        return side
