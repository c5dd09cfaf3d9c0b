"""The inbound ``tcp``."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from twisted.internet.defer import (
    Deferred,
    fail,
    gatherResults,
    inlineCallbacks,
    maybeDeferred,
    succeed,
)
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.interfaces import IStreamServerEndpoint
from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import StartError
from pipetwist.inbounds.acceptor import Acceptor
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.entry import SocketEntry
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.handshake import HandshakeFactory
from pipetwist.inbounds.kernel_tls_entry import KernelTlsEntry, TlsClient
from pipetwist.inbounds.listening import EndpointListener, address_client_info
from pipetwist.inbounds.tls_entry import TlsEntry
from pipetwist.inbounds.tls_listening import TlsInboundOptions, TlsListeningService
from pipetwist.interfaces import AnyFactory, AnyPort, AnyTransport, IInbound, InlineCallbacks
from pipetwist.kernel.context import KernelContext
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.user_options import CERTIFICATE_KEYS
from pipetwist.network.listening_socket import BACKLOG, ListeningSocket
from pipetwist.network.tcp_socket import SocketEndpoint, takes_sockets
from pipetwist.tls.listener import ListenerTls
from pipetwist.tls.twisted_tls import over_tls
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.values import Host, Port
from pipetwist.values.addresses import SocketAddress, plain_host, shown_address
from pipetwist.values.bind_address import PortAddress
from pipetwist.values.keep_alive import KeepAliveOptions

if TYPE_CHECKING:
    from pipetwist.tls.connections import TlsConnection

__all__ = ["TcpInbound", "TcpInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class TcpInboundOptions(KeepAliveOptions, TlsInboundOptions):
    """An inbound on a TCP port."""

    address_key = "listen_port"
    fixed = ("listen", "listen_port", "framing", "speaks_tls", "proxy_protocol")
    users_known_by = (*CERTIFICATE_KEYS, "source")

    type: Literal["tcp"] = "tcp"
    """Always ``tcp``."""
    listen: Host = "127.0.0.1"
    """The address to listen on, or a name of it; ``"::"`` is every address of IPv4 and IPv6.
    ``"127.0.0.1"`` where absent.
    """
    listen_port: Port
    """The port to listen on; 0 takes a free one."""

    @property
    def address(self) -> PortAddress:
        return PortAddress(self.listen, self.listen_port)

    @property
    def hosts(self) -> Mapping[str, str]:
        return {"listen": self.listen}


@implementer(IInbound)
class TcpInbound(TlsListeningService):
    """Listens on a TCP port.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: a certificate or key can't be used.
    """

    Options: ClassVar[type[InboundOptions]] = TcpInboundOptions
    _acceptors: Sequence[Acceptor] = ()
    _sockets: Sequence[ListeningSocket] = ()

    def __init__(self, options: TcpInboundOptions, context: InboundContext) -> None:
        super().__init__(options, context)
        self.inherited = context.listeners.find_inherited(
            options.address, f"{self.options.label}: listen"
        )
        self._listeners: list[EndpointListener] = []
        self._sockets: Sequence[ListeningSocket] = ()
        self._entry: KernelTlsEntry | TlsEntry | None = None

    def apply_options(self, options: InboundOptions) -> None:
        super().apply_options(options)
        self._options = cast("TcpInboundOptions", options)
        self._keep_alive = KeepAlive(self._options.keep_alive)
        if self._acceptors:
            for listening in self._sockets:
                self._keep_alive.set_on(listening)

    @property
    def port(self) -> int | None:
        """The port that it listens on; None while it does not listen."""
        for listening in self._sockets:
            number: int = listening.getsockname()[1]
            return number
        for listener in self._listeners:
            bound: AnyPort = listener.port
            return None if bound is None else bound.getHost().port
        return None

    def listen(self) -> Deferred[None]:
        if self._acceptors or self._listeners:
            return succeed(None)
        kernel = self.context.kernel
        if kernel is not None and (self._tls is None or kernel.tls):
            return maybeDeferred(self._accept, kernel)
        if self._options.proxy_protocol:
            if not takes_sockets(self.context.reactor):
                message = (
                    f"{self.options.label}: proxy_protocol: this reactor takes no sockets that "
                    "were opened elsewhere; use another of Twisted's"
                )
                return fail(StartError(message))
            # What follows a header is left in the socket, as Twisted's ports would not.
            return maybeDeferred(self._accept, None)
        gate = Gate(self, self._identify)
        factory: AnyFactory = HandshakeFactory(gate, self.context)
        if self._tls is not None:
            factory = over_tls(self._tls, factory, self.context.reactor)
        return self._listen_in_twisted(factory, gate)

    def stop_listening(self) -> Deferred[None]:
        acceptors, self._acceptors = self._acceptors, ()
        for acceptor in acceptors:
            acceptor.stop()
        self.stop_reading_headers()
        if self._entry is not None:
            self._entry.stop()
        listeners, self._listeners = self._listeners, []
        stopping = gatherResults([listener.stop() for listener in listeners])
        sockets, self._sockets = self._sockets, ()
        for listening in sockets:
            listening.close()
        return stopping.addCallback(lambda _: None)

    def _open(self) -> Sequence[ListeningSocket]:
        listeners = self.context.listeners
        if self.inherited:
            self._sockets = listeners.enter_copies(self.inherited, self.options.label)
            for copy in self._sockets:
                copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self._sockets = listeners.open_ports(
                self.options.label,
                self._options.address,
                self.warn,
                asked=f"{self.options.label}: listen",
            )
        return self._sockets

    def _accept(self, kernel: KernelContext | None) -> None:
        """Accept sockets, whose TLS the kernel context is for, or else Twisted."""
        if self._tls is None:
            gate = self.make_gate(self._identify_socket)
            accepted = SocketEntry(gate, self.context).accepted
        elif kernel is not None:
            gate = self.make_gate(self._identify_tls)
            self._entry = KernelTlsEntry(gate, self.context, kernel, self._tls)
            accepted = self._entry.accepted
        else:
            gate = self.make_gate(self._identify)
            self._entry = TlsEntry(gate, self.context, self._tls)
            accepted = self._entry.accepted
        behind = self.behind_proxies(gate, accepted)
        self._acceptors = [
            Acceptor(self.context, listening, gate, behind) for listening in self._open()
        ]
        for acceptor, listening in zip(self._acceptors, self._sockets, strict=True):
            self._keep_alive.set_on(listening)
            acceptor.start()
        self.log_listening(shown_address(self._options.listen, self.port))

    @inlineCallbacks
    def _listen_in_twisted(self, factory: AnyFactory, gate: Gate) -> InlineCallbacks[None]:
        try:
            for endpoint in self._endpoints():
                listener = EndpointListener(gate)
                self._listeners.append(listener)
                yield listener.listen(endpoint, factory)
        except StartError:
            yield self.stop_listening()
            raise
        if self.port is not None:
            self.log_listening(shown_address(self._options.listen, self.port))

    def _endpoints(self) -> list[IStreamServerEndpoint]:
        reactor, options = self.context.reactor, self._options
        if not takes_sockets(reactor):
            # Twisted then opens the socket itself, at one address.
            kind = TCP6ServerEndpoint if ":" in options.listen else TCP4ServerEndpoint
            return [kind(reactor, options.listen_port, backlog=BACKLOG, interface=options.listen)]
        return [SocketEndpoint(reactor, one) for one in self._open()]

    def _identify_socket(self, connected: socket.SocketType) -> ClientInfo:
        return self._identify_address(connected.getpeername())

    def _identify_address(self, address: SocketAddress) -> ClientInfo:
        host, port = address[:2]
        host = plain_host(host)
        return ClientInfo(
            self.tag, shown_address(host, port), host, None, self.timeouts, (host, port)
        )

    def _identify(self, transport: AnyTransport) -> ClientInfo:
        self._keep_alive.set_on_transport(transport)
        client_info = address_client_info(self.tag, transport.getPeer(), self.timeouts)
        if self._tls is None:
            return client_info
        return self._identify_by(client_info, self._tls, transport.getHandle())

    def _identify_tls(self, client: TlsClient) -> ClientInfo:
        return self._identify_by(
            self._identify_address(client.address), client.listener, client.tls
        )

    def _identify_by(
        self, client_info: ClientInfo, tls: ListenerTls, connection: TlsConnection
    ) -> ClientInfo:
        tls.completed(connection)
        return self.with_certificate(client_info, connection)
