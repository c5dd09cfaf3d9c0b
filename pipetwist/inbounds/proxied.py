"""Inbounds whose clients may come by proxies that say who they are: who a client is then, and where
its header is read.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, cast

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.datagram.proxied import NamedSource
from pipetwist.inbounds.gate import Gate, Identify
from pipetwist.inbounds.kernel_tls_entry import TlsClient
from pipetwist.inbounds.listening import ListeningService
from pipetwist.inbounds.proxy_entry import NamedTransport, ProxiedSocket, ProxyEntry
from pipetwist.kinds.proxy_options import ProxiedInboundOptions
from pipetwist.proxy_protocol.header import BY_PLUGIN, Header
from pipetwist.values.addresses import shown_address
from pipetwist.values.trusted_proxies import UNIX

__all__ = ["ProxiedListening", "header_of", "named_client_info"]


class ProxiedListening(ListeningService):
    """An inbound with the keys of the PROXY protocol, as a service."""

    _proxy_entry: ProxyEntry | None = None

    @property
    def proxied_options(self) -> ProxiedInboundOptions:
        """Its options, as far as they are about proxies."""
        return cast("ProxiedInboundOptions", self.options)

    def make_gate(self, identify: Identify) -> Gate:
        """Make its gate, which goes by headers where it reads some.

        Args:
            identify: identifies a client that has none, or none that names it.
        """
        if not self.proxied_options.proxy_protocol:
            return Gate(self, identify)

        def identify_named(client: Any) -> ClientInfo:  # as `Identify` has it
            header, plain = header_of(client)
            if header is not None and header.version == BY_PLUGIN:
                return identify(client)
            if header is None or header.source is None:
                return identify(plain)
            # Its user is found by no uid or gid: the peer is the proxy here.
            return self.named(plain, named_client_info(self.tag, header, self.timeouts))

        return Gate(self, identify_named)

    def named(self, client: Any, client_info: ClientInfo) -> ClientInfo:  # as `Identify` has it
        """A client is let in by its header, without being identified otherwise.

        Args:
            client: it, without its header.
            client_info: what its header says.

        Returns:
            What is known of it.
        """
        return client_info

    def behind_proxies(
        self, gate: Gate, accepted: Callable[[socket.SocketType], None]
    ) -> Callable[[socket.SocketType], None]:
        """What accepted sockets are to be given to.

        Args:
            gate: keeps room for the clients, and refuses them.
            accepted: takes those whose header is read, if any is to be.
        """
        if not self.proxied_options.proxy_protocol:
            return accepted
        self._proxy_entry = ProxyEntry(gate, self.context, lambda: self.proxied_options, accepted)
        return self._proxy_entry.accepted

    def stop_reading_headers(self) -> None:
        """Nobody listens any more: whose header is not read by now does not come in."""
        if self._proxy_entry is not None:
            self._proxy_entry.stop()
            self._proxy_entry = None


def named_client_info(tag: str, header: Header, timeouts: Timeouts) -> ClientInfo:
    """Make the client info of a client that a header names.

    Args:
        tag: the inbound's.
        header: the header.
        timeouts: the inbound's.
    """
    source, destination = header.source, header.destination
    reached = destination if isinstance(destination, tuple) else None
    if isinstance(source, tuple):
        return ClientInfo(tag, shown_address(*source), source[0], None, timeouts, source, reached)
    path = (source or b"").decode("ascii", "backslashreplace")
    shown = "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in path)
    name = f"{UNIX}:{shown}" if shown else UNIX
    return ClientInfo(tag, name, name, None, timeouts, None, reached)


def header_of(client: Any) -> tuple[Header | None, Any]:  # as `Identify` has it
    """A client's header, and the client as it would be without one.

    Args:
        client: it, as the gate gets it.
    """
    if isinstance(client, NamedSource):
        return client.header, client.source
    if isinstance(client, NamedTransport):
        return client.header, client.transport
    connected = client.socket if isinstance(client, TlsClient) else client
    return (connected.header if isinstance(connected, ProxiedSocket) else None), client
