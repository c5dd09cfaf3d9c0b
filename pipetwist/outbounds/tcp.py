"""The outbound ``tcp``, with TLS or without."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.files import KnownFiles
from pipetwist.interfaces import IClientOutbound, ISide
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kinds.outbound_options import (
    OutboundOptions,
    RetriedOutboundOptions,
    TlsClientOptions,
)
from pipetwist.kinds.proxy_options import ProxiedOutboundOptions
from pipetwist.network.lookups import Lookups
from pipetwist.network.named_endpoint import NamedEndpoint
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import connect_endpoint
from pipetwist.outbounds.handshake import connect_tls, socket_over_tls
from pipetwist.outbounds.proxied import HeadedEndpoint, ProxiedOutbound, headed_socket
from pipetwist.outbounds.proxy_handshake import shake_hands
from pipetwist.outbounds.tcp_connector import TcpConnector
from pipetwist.outbounds.tls_options import read_tls
from pipetwist.outbounds.tls_side import tls_side
from pipetwist.outbounds.via import ViaOptions
from pipetwist.socks.target import Target
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.twisted_tls import ClientConnections
from pipetwist.transfer.adoption import adopted_side
from pipetwist.transfer.deferreds import is_deferred
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.values import Host, ServerPort
from pipetwist.values.addresses import shown_address
from pipetwist.values.bind_address import PortAddress
from pipetwist.values.keep_alive import KeepAliveOptions
from pipetwist.values.tls_options import in_use

__all__ = ["TcpOutbound", "TcpOutboundOptions"]

_T = TypeVar("_T")
_Make = Callable[[socket.SocketType], _T]


@dataclass(frozen=True, kw_only=True)
class TcpOutboundOptions(KeepAliveOptions, ProxiedOutboundOptions, RetriedOutboundOptions):
    """An outbound to a TCP server."""

    type: Literal["tcp"] = "tcp"
    """Always ``tcp``."""
    server: Host
    """The server's name or address."""
    server_port: ServerPort
    """The server's port."""

    via: ViaOptions | None = None
    """A proxy that connects the server, and resolves its name. Without it nobody is between."""
    tls: TlsClientOptions | None = None
    """TLS; without it the bytes are plain."""

    def __post_init__(self) -> None:
        """Refuse a server that the proxy can't be told."""
        super().__post_init__()
        if self.via is not None:
            try:
                self.via.handshake(self.target)
            except ValueError as error:
                message = f"via: {error}"
                raise ValueError(message) from None

    @property
    def address(self) -> PortAddress:
        if self.via is not None:
            return self.via.address
        return PortAddress(self.server, self.server_port)

    @property
    def target(self) -> Target:
        """The server, as a proxy is told it."""
        return Target(self.server, self.server_port)

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform == "win32" and written.get("via") is not None:
            yield "via", "on Windows Twisted takes over no connected sockets; leave the key out"
        yield from super().lacking(written, platform)

    @property
    def speaks_tls(self) -> bool:
        """Whether its connections use TLS."""
        return in_use(self.tls) is not None

    def check_here(self) -> None:
        self.read_tls()

    def read_tls(self, files: KnownFiles | None = None) -> ConnectorTls | None:
        """Read the certificates that the server's is checked against; None if it does not use TLS.

        Args:
            files: reads them, and only if they have changed; if None, they are read in any case.

        Raises:
            StartError: one can't be used.
        """
        return read_tls(self.label, self.tls, self.server, files)


@implementer(IClientOutbound)
class TcpOutbound(ProxiedOutbound):
    """Connects a TCP server for each connection.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the CA's file can't be used.
    """

    Options: ClassVar[type[OutboundOptions]] = TcpOutboundOptions

    def __init__(self, options: TcpOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self.half_close = options.half_close
        self.connect_retry = options.connect_retry
        self.max_datagram_bytes = None if options.framing is None else MAX_FRAMED_BYTES
        self._options = options
        self._context = context
        self._keep_alive = KeepAlive(options.keep_alive)
        self._shown = shown_address(options.server, options.server_port)
        self.in_kernel = context.kernel is not None
        lookups = context.lookups or Lookups(context.reactor)
        via = self._via = options.via
        self._connector: TcpConnector | None = None
        if via is not None or self.in_kernel:
            self._connector = TcpConnector(
                context,
                lookups,
                options.address,
                self._shown if via is None else via.shown,
                self._keep_alive,
                options.connect_timeout,
            )
        self._endpoint: IStreamClientEndpoint = NamedEndpoint(
            context.reactor,
            lookups,
            options.server,
            options.server_port,
            options.connect_timeout,
        )
        self._tls = options.read_tls(context.files)
        self._plain_side: _Make[ISide] | None = None
        if context.kernel is not None:
            self._plain_side = partial(SocketSide, context.kernel)
        self.use_headers(options)

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        connecting = self._connect(header)
        return connecting if self.max_datagram_bytes is None else frame_connection(connecting)

    def _connect(self, header: bytes | None) -> ISide | Deferred[ISide]:
        connector, via = self._connector, self._via
        if connector is None:
            return self._connect_in_twisted(header)
        if via is not None:
            opening: Deferred[socket.SocketType] = maybeDeferred(
                connector.open, lambda opened: opened
            )
            opening.addCallback(self._pass_proxy, connector, via)
            opening.addCallback(self._after(header, _unchanged))
            return opening.addCallback(self._side)
        plain = self._plain_side
        if plain is not None and self._tls is None:
            return connector.open(plain if header is None else self._after(header, plain))
        opened = connector.open(self._after(header, _unchanged))
        if is_deferred(opened):
            return opened.addCallback(self._side)
        return self._side(opened)

    def _connect_in_twisted(self, header: bytes | None) -> ISide | Deferred[ISide]:
        endpoint = self._endpoint
        if header is not None:
            endpoint = HeadedEndpoint(endpoint, header)
        if self._tls is None:
            return connect_endpoint(endpoint, self._context, self._keep_alive)
        over_tls = wrapClientTLS(ClientConnections(self._tls), endpoint)
        return connect_tls(over_tls, self._shown, self._context, self._keep_alive)

    def _after(self, header: bytes | None, make: _Make[_T]) -> _Make[_T]:
        return make if header is None else partial(headed_socket, header, self._shown, make)

    def _pass_proxy(
        self, opened: socket.SocketType, connector: TcpConnector, via: ViaOptions
    ) -> Deferred[socket.SocketType]:
        handshake = via.handshake(self._options.target)
        return shake_hands(connector.watcher, opened, handshake, via.shown)

    def _side(self, opened: socket.SocketType) -> ISide | Deferred[ISide]:
        kernel, tls, context = self._context.kernel, self._tls, self._context
        if kernel is None:
            if tls is None:
                return adopted_side(context.reactor, context.peer_close_watch, opened)
            return socket_over_tls(opened, tls, self._shown, context)
        if tls is None:
            return SocketSide(kernel, opened)
        return tls_side(kernel, opened, tls, self._shown)


def _unchanged(opened: socket.SocketType) -> socket.SocketType:
    return opened
