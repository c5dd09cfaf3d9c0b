"""The outbound ``tcp``, with TLS or without."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, TypeVar

from twisted.internet.defer import Deferred, TimeoutError, inlineCallbacks, maybeDeferred  # noqa: A004 - Twisted's name
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import IClientOutbound, InlineCallbacks, ISide
from pipetwist.kernel.connector import connect_socket
from pipetwist.kernel.context import KernelContext
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
from pipetwist.outbounds.handshake import connect_tls
from pipetwist.outbounds.proxied import HeadedEndpoint, ProxiedOutbound, headed_socket
from pipetwist.outbounds.tls_options import read_tls
from pipetwist.outbounds.tls_side import tls_side
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.twisted_tls import ClientConnections
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.values import Host, ServerPort
from pipetwist.values.addresses import SocketAddress, numeric_address, shown_address
from pipetwist.values.bind_address import PortAddress
from pipetwist.values.keep_alive import KeepAliveOptions
from pipetwist.values.tls_options import in_use

__all__ = ["TcpOutbound", "TcpOutboundOptions"]

_T = TypeVar("_T")
_Make = Callable[[socket.SocketType], _T]


# If a name has several addresses, the next one is tried after this time (RFC 8305 recommends 0.25
# s, and to keep waiting for the others).
_NEXT_ADDRESS_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class TcpOutboundOptions(KeepAliveOptions, ProxiedOutboundOptions, RetriedOutboundOptions):
    """An outbound to a TCP server."""

    type: Literal["tcp"] = "tcp"
    """Always ``tcp``."""
    server: Host
    """The server's name or address."""
    server_port: ServerPort
    """The server's port."""

    @property
    def address(self) -> PortAddress:
        return PortAddress(self.server, self.server_port)

    tls: TlsClientOptions | None = None
    """TLS; without it the bytes are plain."""

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
        self._numeric = numeric_address(options.server, options.server_port)
        self.in_kernel = context.kernel is not None
        self._lookups = context.lookups or Lookups(context.reactor)
        self._endpoint: IStreamClientEndpoint = NamedEndpoint(
            context.reactor,
            self._lookups,
            options.server,
            options.server_port,
            options.connect_timeout,
        )
        self._tls = options.read_tls(context.files)
        self.use_headers(options)

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        connecting = self._connect(header)
        return connecting if self.max_datagram_bytes is None else frame_connection(connecting)

    def _connect(self, header: bytes | None) -> ISide | Deferred[ISide]:
        kernel, tls = self._context.kernel, self._tls
        if kernel is None:
            return self._connect_in_twisted(header)
        if tls is None:
            return self._open(
                kernel, self._after(header, lambda opened: SocketSide(kernel, opened))
            )
        connected: _Make[socket.SocketType] = self._after(header, lambda opened: opened)
        opening = self._open(kernel, connected)
        if isinstance(opening, Deferred):
            return opening.addCallback(lambda opened: tls_side(kernel, opened, tls, self._shown))
        return tls_side(kernel, opening, tls, self._shown)

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

    def _open(self, kernel: KernelContext, make: _Make[_T]) -> _T | Deferred[_T]:
        """Connect a socket, and make something of it."""
        if self._numeric is not None:
            return self._connect_address(kernel, *self._numeric, make)
        return self._connect_name(kernel, make)

    @inlineCallbacks
    def _connect_name(self, kernel: KernelContext, make: _Make[_T]) -> InlineCallbacks[_T]:
        reactor = self._context.reactor
        found = yield self._lookups.find(self._options.server, self._options.server_port)
        *earlier, (family, last) = found
        refusal: NobodyListensError | None = None
        for family_before, address in earlier:
            # An address that does not answer must leave time for the others.
            attempt = maybeDeferred(self._connect_address, kernel, family_before, address, make)
            try:
                made: _T = yield attempt.addTimeout(
                    min(_NEXT_ADDRESS_SECONDS, self.connect_timeout / len(found)), reactor
                )
            except NobodyListensError as error:
                refusal = error
            except (ConnectError, TimeoutError):
                pass
            else:
                return made
        try:
            made = yield maybeDeferred(self._connect_address, kernel, family, last, make)
        except ConnectError as error:
            # A retry depends on the refused connection.
            raise refusal or error from None
        return made

    def _connect_address(
        self, kernel: KernelContext, family: int, address: SocketAddress, make: _Make[_T]
    ) -> _T | Deferred[_T]:
        def connected(opened: socket.SocketType) -> _T:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._keep_alive.set_on_new(opened)
            return make(opened)

        return connect_socket(
            self._context.reactor, kernel.poller, family, address, self._shown, connected
        )
