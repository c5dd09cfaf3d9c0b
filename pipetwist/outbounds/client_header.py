"""What an outbound's headers of the PROXY protocol say of a client."""

from __future__ import annotations

import secrets
import socket
from functools import lru_cache
from socket import SocketKind
from typing import TYPE_CHECKING

from pipetwist.connection.client_info import ClientInfo
from pipetwist.interfaces import IClient
from pipetwist.kinds.proxy_options import ProxiedDatagramOptions, ProxiedOutboundOptions
from pipetwist.values.addresses import plain_host

if TYPE_CHECKING:
    from OpenSSL import SSL

    from pipetwist.proxy_protocol.header import Named

__all__ = ["USER_TYPE", "ProxyHeaders"]

USER_TYPE = 0xE0
"""The TLV of the user's name, the first that the specification leaves to applications."""
_UNIQUE_ID = 0x05
_SSL = 0x20

_ANY = {False: "0.0.0.0", True: "::"}  # noqa: S104 - nothing listens there: it is not known


class ProxyHeaders:
    """Makes the headers of an outbound.

    Args:
        options: what the configuration says.
        kind: streams or datagrams.
    """

    def __init__(
        self,
        options: ProxiedOutboundOptions | ProxiedDatagramOptions,
        kind: SocketKind = SocketKind.SOCK_STREAM,
    ) -> None:
        from pipetwist.proxy_protocol import building  # loads proxyprotocol

        self._building = building
        self._kind = kind
        self._version = options.proxy_protocol
        self._with_tlvs = options.proxy_protocol_tlvs

    def __repr__(self) -> str:
        return f"<ProxyHeaders of version {self._version}>"

    def unnamed(self) -> bytes:
        """The header of nobody who is known."""
        return self._make(None, None, {})

    def of(self, client: IClient) -> bytes:
        """The header of a client."""
        address = client.client_info.address
        destination = None if address is None else _destination(client)
        return self._make(address, destination, _tlvs(client) if self._with_tlvs else {})

    def _make(self, source: Named, destination: Named, tlvs: dict[int, bytes]) -> bytes:
        if self._version == 1:
            return self._building.line_header(source, destination)
        return self._building.block_header(source, destination, self._kind, tlvs)


def _destination(client: IClient) -> Named:
    """Where a client of IP has connected to, as far as it is known."""
    client_info: ClientInfo = client.client_info
    if client_info.destination is not None:
        return client_info.destination
    local = getattr(client.side, "local_address", None)  # of an association
    if isinstance(local, tuple):
        return plain_host(local[0]), local[1]
    connected = getattr(client.side, "peer_socket", None)
    if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
        host, port, *_ = connected.getsockname()
        return plain_host(host), port
    return _ANY[":" in client_info.source], 0


def _tlvs(client: IClient) -> dict[int, bytes]:
    """What else is said of a client."""
    found = {_UNIQUE_ID: f"{_run()}-{client.number}".encode()}
    user = client.client_info.user
    if user is not None:
        found[USER_TYPE] = user.encode()
    tls: SSL.Connection | None = getattr(client.side, "peer_tls", None)
    if tls is not None:
        found[_SSL] = _ssl_tlv(tls)
    return found


def _ssl_tlv(tls: SSL.Connection) -> bytes:
    """What is said of a client's TLS: its version, and the common name of its certificate, which
    was checked if there is one.
    """
    from proxyprotocol.tlv import ProxyProtocolSSLTLV

    from pipetwist.tls.peer_names import peer_names

    names = peer_names(tls)
    return bytes(
        ProxyProtocolSSLTLV(
            has_ssl=True,
            has_cert_conn=names is not None,
            has_cert_sess=names is not None,
            verified=names is not None,
            version=tls.get_protocol_version_name(),
            cn=None if names is None else names.common_name or None,
        )
    )


@lru_cache(maxsize=1)
def _run() -> str:
    """Of this run of the daemon, so that its numbers are unique."""
    return secrets.token_hex(4)
