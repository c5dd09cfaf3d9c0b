"""Where a relay listens and where it leads, in scratch folders and on free ports of this
machine.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bench.certificates import Key, pem_file
from bench.generator import PROGRAM

__all__ = [
    "UDP_SECONDS",
    "Command",
    "Kind",
    "Route",
    "TcpPlace",
    "TlsPlace",
    "UdpPlace",
    "UnixPlace",
    "route_of",
]

UDP_SECONDS = 5
"""How long a relay keeps a client of UDP without a datagram: each run brings new ones."""

_GIVEN_BY_CHANCE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST_UDP = 20_000


class Kind(Enum):
    """What a relay connects."""

    UNIX = "unix to unix"
    TCP = "TCP to TCP"
    TLS_RSA = "TLS (RSA 2048) to TCP"
    TLS_ECDSA = "TLS (ECDSA P-256) to TCP"
    UDP = "UDP to UDP"
    CAT = "unix to a forked cat and back"
    COMMAND = "unix to a forked command"


@dataclass(frozen=True)
class UnixPlace:
    """A unix socket. As text it is what the load generator takes for it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class TcpPlace:
    """A port on 127.0.0.1. As text it is what the load generator takes for it."""

    port: int

    def __str__(self) -> str:
        return f":{self.port}"


@dataclass(frozen=True)
class TlsPlace:
    """A port on 127.0.0.1 where TLS is spoken. As text it is what the load generator takes for it.

    Args:
        port: its number.
        pem: the file of the certificate and its key.
    """

    port: int
    pem: Path

    def __str__(self) -> str:
        return f"tls={self.pem}:{self.port}"


@dataclass(frozen=True)
class UdpPlace:
    """A UDP port on 127.0.0.1. As text it is what the load generator takes for it."""

    port: int

    def __str__(self) -> str:
        return f"udp:{self.port}"


@dataclass(frozen=True)
class Command:
    """A command that the relay starts for each connection. As text it is the load generator's
    argument.

    Args:
        words: the command, its first word a path.
        server: the load generator's argument for it.
    """

    words: tuple[str, ...]
    server: str

    def __str__(self) -> str:
        return self.server


@dataclass(frozen=True)
class Route:
    """What a relay connects: where it listens, and where it leads."""

    listen: UnixPlace | TcpPlace | TlsPlace | UdpPlace
    target: UnixPlace | TcpPlace | UdpPlace | Command


_KEYS = {Kind.TLS_RSA: Key.RSA_2048, Kind.TLS_ECDSA: Key.ECDSA_P256}


def route_of(kind: Kind, folder: Path, until: ExitStack) -> Route:
    """Places for one relay.

    Args:
        kind: what the relay connects.
        folder: where unix sockets go. The certificates are beside it: one serves all relays.
        until: lets go of the ports.
    """
    if kind is Kind.TCP:
        return Route(TcpPlace(_free_port(until)), TcpPlace(_free_port(until)))
    if kind in _KEYS:
        pem = pem_file(_KEYS[kind], folder.parent)
        return Route(TlsPlace(_free_port(until), pem), TcpPlace(_free_port(until)))
    if kind is Kind.UDP:
        ports = _free_udp_ports()
        return Route(UdpPlace(next(ports)), UdpPlace(next(ports)))
    listen = UnixPlace(folder / "in.sock")
    if kind is Kind.UNIX:
        return Route(listen, UnixPlace(folder / "out.sock"))
    if kind is Kind.CAT:
        return Route(listen, Command(("/bin/cat",), "echo"))
    handed = folder / "ends.sock"
    return Route(listen, Command((str(PROGRAM), "command", str(handed)), f"command={handed}"))


def _free_port(until: ExitStack) -> int:
    """A port that nobody is given by chance.

    It stays bound, without listening: only who asks for it, with SO_REUSEADDR as servers do, can
    listen on it (socket(7)).
    """
    holder = until.enter_context(socket.socket())
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    return port


def _free_udp_ports() -> Iterator[int]:
    """Ports that nobody uses, below those that the system gives by chance.

    Holding one, as for TCP, would take datagrams away from who listens on it.
    """
    given = int(_GIVEN_BY_CHANCE.read_text(encoding="ascii").split()[0])
    for port in random.sample(range(_FIRST_UDP, given), given - _FIRST_UDP):
        with socket.socket(type=socket.SOCK_DGRAM) as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port
