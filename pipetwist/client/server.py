"""The address of a StatsService, as people write it, and its TLS. Nothing is opened or looked up
here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote as percent_encoded

from pipetwist.values import is_abstract, quote
from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.listen import parse_listen
from pipetwist.values.paths import parse_unix_path

if TYPE_CHECKING:
    from pipetwist.api.options import ApiOptions

__all__ = ["DEFAULT_ADDRESS", "ClientTls", "Server", "address_of", "parse_address"]

DEFAULT_ADDRESS: Final = "127.0.0.1:10085"
"""The API's address in the examples of V2Ray, Xray and pipetwist."""

_UNIX = "unix:"


@dataclass(frozen=True, kw_only=True)
class ClientTls:
    """TLS towards a server.

    Attributes:
        authority: PEM file with the CA that signed the server's certificate; by default the
            system's CAs.
        certificate: PEM file with the certificate that is presented, and its chain.
        key: PEM file with that certificate's private key.
        name: the name that the server's certificate must have; that of the address where absent.
    """

    authority: str | None = None
    certificate: str | None = None
    key: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server.

    Attributes:
        address: where it listens.
        tls: TLS, or None if it does not use TLS.
        timeout: seconds that one call may take, connecting included.
    """

    address: PortAddress | UnixAddress
    tls: ClientTls | None = None
    timeout: float = 5.0

    @property
    def target(self) -> str:
        """The address as gRPC writes it (grpc/doc/naming.md)."""
        if isinstance(self.address, PortAddress):
            return str(self.address)
        if is_abstract(self.address.path):
            return f"unix-abstract:{percent_encoded(os.fsencode(self.address.path[1:]))}"
        return f"{_UNIX}{percent_encoded(os.fsencode(self.address.path))}"


def parse_address(raw: str) -> PortAddress | UnixAddress:
    """Take apart the address of a server: ``host:port``, ``unix:/path``, ``unix:@name`` or, as gRPC
    writes it, ``unix:///path``.

    Raises:
        ValueError: it is none.
    """
    if raw.startswith(_UNIX):
        return UnixAddress(parse_unix_path(raw.removeprefix(_UNIX).removeprefix("//"), Path.cwd()))
    address = parse_listen(raw)
    if isinstance(address, PortAddress) and address.port == 0:
        message = f"{quote(raw)} is not the address of a server: nothing listens on port 0"
        raise ValueError(message)
    return address


def address_of(options: ApiOptions) -> PortAddress | UnixAddress | None:
    """The address of the API of a configuration, for clients on the same machine; None if it has no
    API.

    Raises:
        ValueError: it uses a new free port at each start.
    """
    if options.listen is None:
        return None
    address = parse_address(options.listen)
    if isinstance(address, PortAddress) and _is_every_address(address.host):
        return PortAddress("::1" if ":" in address.host else "127.0.0.1", address.port)
    return address


def _is_every_address(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
