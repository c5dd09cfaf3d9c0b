"""Sockets that listen already when the daemon starts: systemd has opened them, and an inbound of the same address listens with them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from twisted.internet.endpoints import AdoptedStreamServerEndpoint

from pipetwist.errors import StartError
from pipetwist.inbounds.listening_socket import ListeningSocket
from pipetwist.network.lookups import Address
from pipetwist.network.tcp_socket import adopted_endpoint
from pipetwist.values import is_abstract, unix_sockaddr
from pipetwist.values.addresses import shown_address

__all__ = ["HandedIn", "HandedInSocket"]

_FAMILIES = {socket.AF_INET, socket.AF_INET6, *([socket.AF_UNIX] if hasattr(socket, "AF_UNIX") else [])}


class HandedInSocket:
    """One of them. It stays open when an inbound stops, so that it can listen again.

    Args:
        descriptor: its descriptor.

    Raises:
        StartError: it is no socket that streams come in at, or of a kind that no inbound listens on.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        try:
            os.set_inheritable(descriptor, False)  # no command is to have it
            with socket.socket(fileno=os.dup(descriptor)) as opened:
                listens = opened.type == socket.SOCK_STREAM and opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                family = opened.family
                known = family in _FAMILIES
                if known:
                    self.address = _comparable(opened.getsockname())
        except OSError:
            listens = False
        if not listens:
            message = f"descriptor {descriptor}, which was handed in, is no listening stream socket: use ListenStream= and Accept=no"
            raise StartError(message)
        if not known:
            message = (
                f"descriptor {descriptor}, which was handed in, is a socket of {getattr(family, 'name', f'address family {family}')}: "
                "pipetwist listens on unix sockets and TCP ports; take it out of the socket unit"
            )
            raise StartError(message)

    def __str__(self) -> str:
        if isinstance(self.address, tuple):
            return shown_address(*self.address[:2])
        return os.fsdecode(self.address.replace(b"\0", b"@", 1).rstrip(b"\0"))

    @property
    def is_unix(self) -> bool:
        """Whether it is a unix socket."""
        return isinstance(self.address, bytes)

    def copy(self) -> ListeningSocket:
        """What an inbound listens with, and may close."""
        return ListeningSocket(fileno=os.dup(self.descriptor))

    def endpoint(self, reactor: Any) -> AdoptedStreamServerEndpoint:
        """The same as an endpoint of Twisted's, which may be listened on once."""
        return adopted_endpoint(reactor, self.copy())


class HandedIn:
    """All of them.

    Args:
        descriptors: their descriptors.

    Raises:
        StartError: one is no socket that streams come in at.
    """

    def __init__(self, descriptors: Iterable[int] = ()) -> None:
        self._sockets = [HandedInSocket(descriptor) for descriptor in descriptors]

    def __len__(self) -> int:
        return len(self._sockets)

    def __iter__(self) -> Iterator[HandedInSocket]:
        return iter(self._sockets)

    def at_path(self, path: str) -> HandedInSocket | None:
        """The one that listens at a unix socket's path, which is written as in a configuration."""
        wanted = unix_sockaddr(path)
        return self._at(wanted if is_abstract(path) else _comparable(wanted))

    def at_port(self, found: Iterable[Address], port: int) -> tuple[HandedInSocket, ...]:
        """Those that listen at a TCP port of one of these addresses."""
        wanted = [_comparable((host, port, *more)) for _, (host, _, *more) in found]
        return tuple(one for one in self._sockets if one.address in wanted)

    def with_descriptor(self, descriptor: int) -> HandedInSocket | None:
        """The one of this number."""
        return next((one for one in self._sockets if one.descriptor == descriptor), None)

    def _at(self, address: object) -> HandedInSocket | None:
        return next((one for one in self._sockets if one.address == address), None)


def _comparable(address: object) -> bytes | tuple[str, int, int]:
    if isinstance(address, tuple):
        host, port, *more = address
        # Of a link-local address the interface's number is a part, ipv6(7).
        return host, port, more[1] if more else 0
    named = address if isinstance(address, bytes) else os.fsencode(str(address))
    # An abstract name has a NUL before it. Of two paths that lead to one file, such as /var/run and /run, either may be written.
    return named if named.startswith(b"\0") else os.path.realpath(named)
