"""The outbound ``tcp``, with TLS or without."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from twisted.internet.defer import Deferred, TimeoutError, inlineCallbacks, maybeDeferred  # noqa: A004 - Twisted's name
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from pipetwist.errors import ConnectError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import IOutbound, ISide
from pipetwist.kernel.connector import connect_socket
from pipetwist.kernel.setting import KernelSetting
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kinds.outbound_options import OutboundOptions, StreamOutboundOptions, TlsClientOptions
from pipetwist.network.lookups import Lookups
from pipetwist.network.named_endpoint import NamedEndpoint
from pipetwist.outbounds.endpoint import connect_endpoint
from pipetwist.outbounds.handshake import connect_tls
from pipetwist.outbounds.setting import OutboundSetting
from pipetwist.packets.framed import frame_connection
from pipetwist.packets.framing import LARGEST_FRAMED
from pipetwist.tls import client_tls
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.values import Port, Text
from pipetwist.values.addresses import numeric_address, shown_address
from pipetwist.values.bind_address import PortAddress
from pipetwist.values.keep_alive import KeepAliveOptions

__all__ = ["TcpOutbound", "TcpOutboundOptions"]


# Where a name has several addresses, the next is tried after so long (RFC 8305 recommends 0.25 s, and to go on waiting besides).
_NEXT_ADDRESS_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class TcpOutboundOptions(KeepAliveOptions, StreamOutboundOptions):
    """An outbound to a TCP server."""

    type: Literal["tcp"] = "tcp"
    """Always ``tcp``."""
    server: Text
    """The server's name or address."""
    server_port: Port
    """The server's port."""

    @property
    def address(self) -> PortAddress:
        """See `KindOptions`."""
        return PortAddress(self.server, self.server_port)

    tls: TlsClientOptions | None = None
    """TLS; without it the bytes are plain."""

    @property
    def speaks_tls(self) -> bool:
        """Whether its connections are TLS."""
        return self.tls is not None and self.tls.enabled

    def check_here(self) -> None:
        """See `KindOptions`."""
        self.read_tls()

    def read_tls(self, files: KnownFiles | None = None) -> Any:
        """Read the certificates that the server's is held against; None where it speaks no TLS.

        Args:
            files: reads them; they are read anew where it is None.

        Raises:
            StartError: one can't be used.
        """
        if self.tls is None or not self.tls.enabled:
            return None
        return client_tls(self.place, self.tls.server_name or self.server, self.tls.certificate_path, files)


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
        self.largest_datagram = None if options.framing is None else LARGEST_FRAMED
        self._options = options
        self._setting = setting
        self._keep_alive = KeepAlive(options.keep_alive)
        self._shown = shown_address(options.server, options.server_port)
        self._numeric = numeric_address(options.server, options.server_port)
        self._tls = options.speaks_tls
        self.in_kernel = setting.kernel is not None and not self._tls
        self._lookups = setting.lookups or Lookups(setting.reactor)
        endpoint: IStreamClientEndpoint = NamedEndpoint(
            setting.reactor, self._lookups, options.server, options.server_port, options.connect_timeout
        )
        tls = options.read_tls(setting.files)
        if tls is not None:
            endpoint = wrapClientTLS(tls, endpoint)
        self._endpoint = endpoint

    def connect(self) -> ISide | Deferred[ISide]:
        """See `IOutbound`."""
        connecting = self._connect()
        return connecting if self.largest_datagram is None else frame_connection(connecting)

    def _connect(self) -> ISide | Deferred[ISide]:
        kernel = self._setting.kernel
        if self._tls:
            return connect_tls(self._endpoint, self._shown, self._setting, self._keep_alive)
        if not self.in_kernel or kernel is None:
            return connect_endpoint(self._endpoint, self._setting, self._keep_alive)
        if self._numeric is not None:
            return self._connect_address(kernel, *self._numeric)
        return self._connect_name(kernel)

    @inlineCallbacks
    def _connect_name(self, kernel: KernelSetting) -> Generator[Deferred[Any], Any, ISide]:
        reactor = self._setting.reactor
        found = yield self._lookups.find(self._options.server, self._options.server_port)
        *earlier, (family, last) = found
        for family_before, address in earlier:
            with contextlib.suppress(ConnectError, TimeoutError):
                # An address that does not answer leaves time for the others.
                attempt = maybeDeferred(self._connect_address, kernel, family_before, address)
                side: ISide = yield attempt.addTimeout(min(_NEXT_ADDRESS_SECONDS, self.connect_timeout / len(found)), reactor)
                return side
        side = yield maybeDeferred(self._connect_address, kernel, family, last)
        return side

    def _connect_address(self, kernel: KernelSetting, family: int, address: Any) -> ISide | Deferred[ISide]:
        def side(connected: socket.SocketType) -> ISide:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._keep_alive.set_on_new(connected)
            return SocketSide(kernel, connected)

        return connect_socket(self._setting.reactor, kernel.poller, family, address, self._shown, side)
