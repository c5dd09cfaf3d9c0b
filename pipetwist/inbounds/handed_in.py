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
from pipetwist.values import is_abstract
from pipetwist.values.bind_address import BindAddress, PortAddress, UnixAddress, bound_address

__all__ = ["HandedIn", "HandedInSocket"]


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
                self.address = bound_address(opened) if listens else None
        except OSError:
            self.address = None
        except ValueError as family:
            message = (
                f"descriptor {descriptor}, which was handed in, is a socket of {family}: "
                "pipetwist listens on unix sockets and TCP ports; take it out of the socket unit"
            )
            raise StartError(message) from None
        if self.address is None:
            message = f"descriptor {descriptor}, which was handed in, is no listening stream socket: use ListenStream= and Accept=no"
            raise StartError(message)

    def __str__(self) -> str:
        if not isinstance(self.address, UnixAddress):
            return str(self.address)
        path = self.address.path
        return f"@{path.lstrip('@')}" if is_abstract(path) else os.path.realpath(path)

    @property
    def is_unix(self) -> bool:
        """Whether it is a unix socket."""
        return isinstance(self.address, UnixAddress)

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
        return next(iter(self._at(UnixAddress(path))), None)

    def at_port(self, found: Iterable[Address], port: int) -> tuple[HandedInSocket, ...]:
        """Those that listen at a TCP port of one of these addresses."""
        return self._at(*(PortAddress(host, port, interface=more[1] if more else 0) for _, (host, _, *more) in found))

    def with_descriptor(self, descriptor: int) -> HandedInSocket | None:
        """The one of this number."""
        return next((one for one in self._sockets if one.descriptor == descriptor), None)

    def _at(self, *wanted: BindAddress) -> tuple[HandedInSocket, ...]:
        return tuple(one for one in self._sockets if one.address is not None and any(each.is_the_same_as(one.address) for each in wanted))
