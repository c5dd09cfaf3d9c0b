"""The inbound ``udp``."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

from zope.interface import implementer

from pipetwist.connection.visitor import Visitor
from pipetwist.inbounds.packets import PacketInbound
from pipetwist.inbounds.setting import InboundSetting
from pipetwist.interfaces import IInbound
from pipetwist.kinds.inbound_options import InboundOptions, PacketInboundOptions
from pipetwist.network.listening import is_unspecified
from pipetwist.packets.sockets import open_udp
from pipetwist.packets.source import Source
from pipetwist.values import Port, Text
from pipetwist.values.addresses import shown_address
from pipetwist.values.bind_address import PortAddress

__all__ = ["UdpInbound", "UdpInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UdpInboundOptions(PacketInboundOptions):
    """An inbound on a UDP port."""

    fixed = ("listen", "listen_port")

    type: Literal["udp"] = "udp"
    """Always ``udp``."""
    listen: Text = "127.0.0.1"
    """The address to listen on, or a name of it; ``"::"`` is every address of IPv4 and IPv6. ``"127.0.0.1"`` where absent."""
    listen_port: Port
    """The port to listen on; 0 takes a free one."""

    @property
    def address(self) -> PortAddress:
        """See `KindOptions`."""
        return PortAddress(self.listen, self.listen_port, "udp")

    @property
    def hosts(self) -> Mapping[str, str]:
        """See `InboundOptions`."""
        return {"listen": self.listen}


@implementer(IInbound)
class UdpInbound(PacketInbound):
    """Listens on a UDP port.

    Args:
        options: what the configuration says.
        setting: what it works with.
    """

    Options: ClassVar[type[InboundOptions]] = UdpInboundOptions

    def __init__(self, options: UdpInboundOptions, setting: InboundSetting) -> None:
        super().__init__(options, setting)
        self.port: int | None = None
        """The port that it listens on; None while it does not."""

    def take(self, options: InboundOptions) -> None:
        """See `ListeningService`."""
        super().take(options)
        self._options = cast("UdpInboundOptions", options)

    def open_sockets(self) -> list[tuple[socket.socket, Any]]:
        """See `PacketInbound`."""
        options, place = self._options, self.options.place
        opened = self.setting.listeners.open_ports(place, options.address, self.warn, asked=f"{place}: listen", open_one=open_udp)
        names = [one.getsockname() for one in opened]
        self.port = names[0][1]
        self.setting.log.info("inbound {tag} listens on {where}", tag=self.tag, where=shown_address(options.listen, self.port))
        return [
            (one, self.packets.from_network(one.family, anywhere=is_unspecified(name))) for one, name in zip(opened, names, strict=True)
        ]

    def close_sockets(self) -> None:
        """See `PacketInbound`."""
        self.port = None

    def identify(self, source: Source) -> Visitor:
        """See `PacketInbound`."""
        host = source.host or ""
        return Visitor(self.tag, shown_address(host, source.port), host, None, self.timeouts)
