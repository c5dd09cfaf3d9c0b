"""The inbound ``endpoint``: whatever a Twisted server endpoint string describes, systemd's socket
activation among them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.interfaces import (
    IReactorFDSet,
    IStreamServerEndpoint,
    ISystemHandle,
    IUNIXTransport,
)
from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import StartError
from pipetwist.inbounds.acceptor import Acceptor
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.credentials import unix_client_info
from pipetwist.inbounds.entry import SocketEntry
from pipetwist.inbounds.handshake import HandshakeFactory
from pipetwist.inbounds.listening import EndpointListener, address_client_info
from pipetwist.inbounds.proxied import ProxiedListening
from pipetwist.interfaces import AnyTransport, IInbound
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions
from pipetwist.kinds.proxy_options import ProxiedInboundOptions
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.network.endpoint_kinds import unknown_server_kind
from pipetwist.network.inherited import InheritedSocket
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.lookups import Address
from pipetwist.network.named_binding import KnowingReactor, NamedServerEndpoint
from pipetwist.network.shared_folder import shared_folder_of
from pipetwist.network.tcp_socket import SocketEndpoint
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.values import EndpointString
from pipetwist.values.addresses import shown_address
from pipetwist.values.bind_address import BindAddress
from pipetwist.values.endpoint_string import listen_address, listen_host, listen_path

__all__ = ["EndpointInbound", "EndpointInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class EndpointInboundOptions(ProxiedInboundOptions, StreamInboundOptions, AskingOptions):
    """An inbound on whatever a Twisted server endpoint string describes."""

    address_key = "endpoint"
    fixed = ("endpoint", "framing", "proxy_protocol")
    users_known_by = ("uid", "gid", "source")

    type: Literal["endpoint"] = "endpoint"
    """Always ``endpoint``."""
    endpoint: EndpointString
    """The endpoint string, for instance ``systemd:domain=UNIX:name=pipe``."""

    def __post_init__(self) -> None:
        """Refuse Twisted's own way to read headers, and TLS that would be around them."""
        kind = self.endpoint.partition(":")[0].lower()
        if kind == "haproxy":
            message = (
                'endpoint: "haproxy:" takes the proxy for the client, and loses half-closes; leave '
                'it out, and write "proxy_protocol": true'
            )
            raise ValueError(message)
        if self.proxy_protocol and kind == "ssl":
            message = (
                'proxy_protocol: a header comes before TLS, and "ssl:" would look for it inside; '
                'use the type "tcp" with tls'
            )
            raise ValueError(message)
        super().__post_init__()

    def unknown_here(self) -> Iterator[tuple[str, str]]:
        text = unknown_server_kind(self.endpoint)
        if text is not None:
            yield "endpoint", text

    @property
    def address(self) -> BindAddress | None:
        return listen_address(self.endpoint)

    @property
    def hosts(self) -> Mapping[str, str]:
        host = listen_host(self.endpoint)
        return {} if host is None else {"endpoint": host}


@implementer(IInbound)
class EndpointInbound(ProxiedListening):
    """Listens on an endpoint.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the string is not a server endpoint string.
    """

    Options: ClassVar[type[InboundOptions]] = EndpointInboundOptions

    def __init__(self, options: EndpointInboundOptions, context: InboundContext) -> None:
        super().__init__(options, context)
        self._gate = self.make_gate(self._identify)
        self._listener = EndpointListener(self._gate)
        self._acceptor: Acceptor | None = None
        self._adopted: ListeningSocket | None = None
        self._given: InheritedSocket | None = None
        self._keep_alive = KeepAlive()
        self._description = options.endpoint
        self._reactor = KnowingReactor(context.reactor)
        try:
            self._endpoint = serverFromString(self._reactor, options.endpoint)
        except Exception as error:
            # Parsers of endpoint strings are plug-ins, and may raise anything.
            message = (
                f"{self.options.label}: {options.endpoint!r} is not a server endpoint string: "
                f"{_describe(error)}"
            )
            raise StartError(message) from error
        if isinstance(self._endpoint, AdoptedStreamServerEndpoint):
            descriptor = self._endpoint.fileno
            self._given = context.listeners.inherited.with_descriptor(
                descriptor
            ) or InheritedSocket(descriptor)
            self.inherited = (self._given,)

    @property
    def claims(self) -> Sequence[BindAddress] | None:
        """See `ListeningService`: an inherited socket is shared, and the address of any other is
        known to its endpoint only.
        """
        return None if self._given is None else ()

    def apply(self, options: InboundOptions) -> Callable[[], None]:
        """See `IInbound`. If the socket's file was removed, only Twisted can make it again, and
        does so only at a start.
        """
        path = (
            None
            if self._listener.port is None
            else getattr(self._listener.port.getHost(), "name", None)
        )
        if isinstance(path, bytes) and not path.startswith(b"\0") and not os.path.lexists(path):
            self.log_gone(os.fsdecode(path))
        return super().apply(options)

    def listen(self) -> Deferred[None]:
        if self._acceptor is not None or self._listener.wanted:
            return succeed(None)
        if self._given is not None:
            (self._adopted,) = self.context.listeners.enter_copies(
                self.inherited, self.options.label
            )
        if self._adopted is not None and self._given is not None and self._given.is_unix:
            # Twisted's port would unlink the path when it stops, but an inherited socket belongs to
            # somebody else.
            gate = self.make_gate(self._identify_socket)
            accepted = self.behind_proxies(gate, SocketEntry(gate, self.context).accepted)
            self._acceptor = Acceptor(self.context, self._adopted, gate, accepted)
            self._acceptor.start()
            self.log_listening(str(self._given))
            return succeed(None)
        try:
            self._check_reactor()
            self._check_folder()
        except StartError as error:
            return fail(error)
        endpoint: IStreamServerEndpoint = NamedServerEndpoint(
            self._endpoint, self._reactor, self._find
        )
        if self._adopted is not None:
            endpoint = SocketEndpoint(self.context.reactor, self._adopted)
        return self._listener.listen(endpoint, self._factory()).addCallback(self._log_listening)

    def _factory(self) -> HandshakeFactory:
        if not self.proxied_options.proxy_protocol:
            return HandshakeFactory(self._gate, self.context)
        from pipetwist.inbounds.proxied_handshake import (  # loads proxyprotocol
            ProxiedHandshakeFactory,
        )

        return ProxiedHandshakeFactory(self._gate, self.context, lambda: self.proxied_options)

    def _check_reactor(self) -> None:
        """Refuse to read headers where nobody tells of sockets."""
        if self.proxied_options.proxy_protocol and not IReactorFDSet.providedBy(self._reactor):
            message = (
                f"{self.options.label}: proxy_protocol: this reactor does not watch sockets; use "
                "another of Twisted's"
            )
            raise StartError(message)

    def _check_folder(self) -> None:
        """Refuse to have Twisted change, as root, the mode of what another user may put there."""
        path = listen_path(self._description)
        if path is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
            return
        folder = shared_folder_of(path)
        if folder is not None:
            message = (
                f"{self.options.label}: endpoint: another user may replace files in {folder}, and "
                f'Twisted would follow a link at {path} as root; use the type "unix" for it, or a '
                "folder where only root may write"
            )
            raise StartError(message)

    def _find(self, name: str) -> Deferred[list[Address]]:
        hosts, label = self.context.listeners.hosts, f"inbound {self.tag}: endpoint"
        # A start must listen before it gives up root, so it waits for the look-up. A reload has
        # already looked up the names that it found in the string; looking up others here, as for a
        # plug-in's endpoint, would delay all connections.
        known = name in self.options.hosts.values() and hosts.knows(name)
        if self.starting or known:
            return succeed(hosts.find(label, name))
        return hosts.learn([(label, name)]).addCallback(lambda _: hosts.find(label, name))

    def _log_listening(self, _: None) -> None:
        if self._listener.port is not None:
            self.log_listening(_shown(self._listener.port.getHost()))

    def stop_listening(self) -> Deferred[None]:
        if self._acceptor is not None:
            self._acceptor.stop()
            self._acceptor = None
            self.stop_reading_headers()
        stopping = self._listener.stop()
        if self._adopted is not None:
            self._adopted.close()
            self._adopted = None
        return stopping

    def _identify(self, transport: AnyTransport) -> ClientInfo:
        if IUNIXTransport.providedBy(transport):
            return self._identify_socket(
                cast("socket.SocketType", cast("ISystemHandle", transport).getHandle())
            )
        self._keep_alive.set_on_transport(transport)
        return address_client_info(self.tag, transport.getPeer(), self.timeouts)

    def _identify_socket(self, connected: socket.SocketType) -> ClientInfo:
        asked = cast("EndpointInboundOptions", self.options).users is not None
        return unix_client_info(self.tag, connected, self.timeouts, identified=asked)


def _shown(address: object) -> str:
    host, port, path = (getattr(address, name, None) for name in ("host", "port", "name"))
    if isinstance(path, bytes):
        return os.fsdecode(path)
    return str(address) if host is None else shown_address(host, port)


def _describe(error: Exception) -> str:
    # systemd's parser looks a name up among the inherited sockets, and does not catch the KeyError.
    return f"no inherited socket is named {error}" if isinstance(error, LookupError) else str(error)
