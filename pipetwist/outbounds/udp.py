"""The outbound ``udp``."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from twisted.internet.defer import Deferred, fail, inlineCallbacks
from zope.interface import implementer

from pipetwist.errors import ConnectError
from pipetwist.interfaces import IOutbound, ISide, Medium
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.network.lookups import Lookups
from pipetwist.outbounds.setting import OutboundSetting
from pipetwist.packets.setting import PacketSetting
from pipetwist.packets.socket_side import DatagramSide
from pipetwist.packets.sockets import LARGEST_UDP, connect_datagram
from pipetwist.values import Port, Text
from pipetwist.values.addresses import numeric_address, shown_address
from pipetwist.values.bind_address import PortAddress

__all__ = ["UdpOutbound", "UdpOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UdpOutboundOptions(OutboundOptions):
    """An outbound to a UDP server."""

    medium = Medium.DATAGRAMS

    type: Literal["udp"] = "udp"
    """Always ``udp``."""
    server: Text
    """The server's name or address."""
    server_port: Port
    """The server's port."""

    @property
    def address(self) -> PortAddress:
        """See `KindOptions`."""
        return PortAddress(self.server, self.server_port, "udp")


@implementer(IOutbound)
class UdpOutbound:
    """Opens a socket to a UDP server for each packet connection.

    Args:
        options: what the configuration says.
        setting: what it works with.
    """

    Options: ClassVar[type[OutboundOptions]] = UdpOutboundOptions
    largest_datagram = LARGEST_UDP

    def __init__(self, options: UdpOutboundOptions, setting: OutboundSetting) -> None:
        self.tag = options.tag
        self.in_kernel = setting.kernel is not None
        self._packets = setting.packets or PacketSetting(setting.reactor, None if setting.kernel is None else setting.kernel.poller)
        self.connect_timeout = options.connect_timeout
        self._options = options
        self._lookups = setting.lookups or Lookups(setting.reactor)
        self._shown = shown_address(options.server, options.server_port)
        self._numeric = numeric_address(options.server, options.server_port)

    def connect(self) -> ISide | Deferred[ISide]:
        """See `IOutbound`."""
        if self._numeric is None:
            return self._connect_name()
        try:
            return self._side(*self._numeric)
        except ConnectError:
            return fail()

    def _side(self, family: int, address: Any) -> ISide:
        side: ISide = DatagramSide(self._packets, connect_datagram(family, address, self._shown))
        return side

    @inlineCallbacks
    def _connect_name(self) -> Generator[Deferred[Any], Any, ISide]:
        found = yield self._lookups.find(self._options.server, self._options.server_port)
        # Whether anybody answers there is not known before an answer: of several addresses the first that there is a way to is it.
        for family, address in found[:-1]:
            with contextlib.suppress(ConnectError):
                return self._side(family, address)
        return self._side(*found[-1])
