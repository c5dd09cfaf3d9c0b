"""The inbound ``udp``."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.datagram.plain import EitherBatch
from pipetwist.datagram.sockets import open_udp
from pipetwist.datagram.source import Source
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.datagram import DatagramInbound
from pipetwist.interfaces import IInbound
from pipetwist.kinds.inbound_options import DatagramInboundOptions, InboundOptions
from pipetwist.kinds.proxy_options import ProxiedInboundOptions
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.network.listening import is_unspecified
from pipetwist.values import Host, Port
from pipetwist.values.addresses import shown_address
from pipetwist.values.bind_address import PortAddress

__all__ = ["UdpInbound", "UdpInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UdpInboundOptions(ProxiedInboundOptions, DatagramInboundOptions, AskingOptions):
    """An inbound on a UDP port."""

    address_key = "listen_port"
    fixed = ("listen", "listen_port", "proxy_protocol")

    type: Literal["udp"] = "udp"
    """Always ``udp``."""
    listen: Host = "127.0.0.1"
    """The address to listen on, or a name of it; ``"::"`` is every address of IPv4 and IPv6.
    ``"127.0.0.1"`` where absent.
    """
    listen_port: Port
    """The port to listen on; 0 takes a free one."""

    @property
    def address(self) -> PortAddress:
        return PortAddress(self.listen, self.listen_port, "udp")

    @property
    def hosts(self) -> Mapping[str, str]:
        return {"listen": self.listen}


@implementer(IInbound)
class UdpInbound(DatagramInbound):
    """Listens on a UDP port.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    Options: ClassVar[type[InboundOptions]] = UdpInboundOptions

    def __init__(self, options: UdpInboundOptions, context: InboundContext) -> None:
        super().__init__(options, context)
        self.port: int | None = None
        """The port that it listens on; None while it does not listen."""

    def apply_options(self, options: InboundOptions) -> None:
        super().apply_options(options)
        self._options = cast("UdpInboundOptions", options)

    def open_sockets(self) -> list[tuple[socket.socket, EitherBatch]]:
        options, label = self._options, self.options.label
        opened = self.context.listeners.open_ports(
            label, options.address, self.warn, asked=f"{label}: listen", open_one=open_udp
        )
        names = [one.getsockname() for one in opened]
        self.port = names[0][1]
        self.context.log.info(
            "inbound {tag} listens on {where}",
            tag=self.tag,
            where=shown_address(options.listen, self.port),
        )
        return [
            (one, self.datagram_context.from_network(one.family, anywhere=is_unspecified(name)))
            for one, name in zip(opened, names, strict=True)
        ]

    def close_sockets(self) -> None:
        self.port = None

    def identify(self, source: Source) -> ClientInfo:
        host = source.host or ""
        return ClientInfo(
            self.tag,
            shown_address(host, source.port),
            host,
            None,
            self.timeouts,
            (host, source.port),
        )
