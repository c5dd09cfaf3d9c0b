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

from pipetwist.api.options import MAX_CONNECTIONS, MAX_PER_ADDRESS
from pipetwist.values import is_abstract, quote
from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.listen import parse_listen
from pipetwist.values.paths import parse_unix_path

if TYPE_CHECKING:
    from typing import TypeAlias

    from pipetwist.api.options import ApiOptions
    from pipetwist.control.options import ControlOptions

    ServedOptions: TypeAlias = ApiOptions | ControlOptions
    """What a configuration says about a service."""

__all__ = [
    "CONTROL_SERVICE",
    "DEFAULT_ADDRESS",
    "STATS_SERVICE",
    "ClientTls",
    "Server",
    "Service",
    "address_of",
    "parse_address",
]

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
class Service:
    """What errors say of a service.

    Attributes:
        noun: its name.
        is_it_on: asks whether it is there at all.
        who_may: who may connect to its unix socket.
        why_closed: why it may close every new connection.
    """

    noun: str
    is_it_on: str
    who_may: str
    why_closed: str


STATS_SERVICE: Final = Service(
    noun="the API",
    is_it_on="is the server running, and is its API on (experimental.v2ray_api.listen in pipetwist "
    "and sing-box, api in V2Ray and Xray)?",
    who_may="its mode is listen_mode in pipetwist's configuration",
    why_closed=f"pipetwist's API does so while it has {MAX_CONNECTIONS} connections, or "
    f"{MAX_PER_ADDRESS} of one address, or fewer where descriptors are few: "
    "end some clients, or see whether that is the port of the API",
)
"""The StatsService, of whichever server."""
CONTROL_SERVICE: Final = Service(
    noun="the control service",
    is_it_on="is the daemon running, and does its configuration have control.listen?",
    who_may="only the daemon's user and root may",
    why_closed="the control service does so to everybody but the daemon's user and root, and while "
    f"it has {MAX_CONNECTIONS} connections; see the daemon's log",
)
"""The control service of pipetwist."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server.

    Attributes:
        address: where it listens.
        tls: TLS, or None if it does not use TLS.
        timeout: seconds that one call may take, connecting included.
        service: what is called there.
    """

    address: PortAddress | UnixAddress
    tls: ClientTls | None = None
    timeout: float = 5.0
    service: Service = STATS_SERVICE

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


def address_of(options: ServedOptions) -> PortAddress | UnixAddress | None:
    """The address of the API or the control service of a configuration, for clients on the same
    machine; None if it has none.

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
