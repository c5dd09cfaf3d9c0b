"""Where a relay listens and where it leads, in scratch folders and on free ports of this machine."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bench.generator import PROGRAM

__all__ = ["Command", "Kind", "Route", "TcpPlace", "UnixPlace", "route_of"]


class Kind(Enum):
    """What a relay connects."""

    UNIX = "unix to unix"
    TCP = "TCP to TCP"
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
class Command:
    """A command that the relay starts for each connection. As text it is what the load generator is told of it.

    Args:
        words: the command, its first word a path.
        server: how the load generator is told of it.
    """

    words: tuple[str, ...]
    server: str

    def __str__(self) -> str:
        return self.server


@dataclass(frozen=True)
class Route:
    """What a relay connects: where it listens, and where it leads."""

    listen: UnixPlace | TcpPlace
    target: UnixPlace | TcpPlace | Command


def route_of(kind: Kind, folder: Path, until: ExitStack) -> Route:
    """Places for one relay.

    Args:
        kind: what the relay connects.
        folder: where unix sockets go.
        until: lets go of the ports.
    """
    if kind is Kind.TCP:
        return Route(TcpPlace(_free_port(until)), TcpPlace(_free_port(until)))
    listen = UnixPlace(folder / "in.sock")
    if kind is Kind.UNIX:
        return Route(listen, UnixPlace(folder / "out.sock"))
    if kind is Kind.CAT:
        return Route(listen, Command(("/bin/cat",), "echo"))
    handed = folder / "ends.sock"
    return Route(listen, Command((str(PROGRAM), "command", str(handed)), f"command={handed}"))


def _free_port(until: ExitStack) -> int:
    """A port that nobody is given by chance.

    It stays bound, without listening: only who asks for it, with SO_REUSEADDR as servers do, can listen on it (socket(7)).
    """
    holder = until.enter_context(socket.socket())
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    return port
