"""Inherited sockets, which systemd has opened before it started the daemon. An inbound with the
same address uses them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator

from pipetwist.errors import StartError
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.values import is_abstract
from pipetwist.values.bind_address import BindAddress, UnixAddress, bound_address

__all__ = ["InheritedSocket", "InheritedSockets"]


class InheritedSocket:
    """One inherited socket. It stays open when an inbound stops, so that it can listen again.

    Args:
        descriptor: its descriptor.

    Raises:
        StartError: it is not a listening stream socket, or of a family that no inbound listens on.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        try:
            os.set_inheritable(descriptor, False)  # commands must not inherit it
            with socket.socket(fileno=os.dup(descriptor)) as opened:
                listens = opened.type == socket.SOCK_STREAM and opened.getsockopt(
                    socket.SOL_SOCKET, socket.SO_ACCEPTCONN
                )
                self.address = bound_address(opened) if listens else None
        except OSError:
            self.address = None
        except ValueError as family:
            message = (
                f"descriptor {descriptor}, which was inherited, is a socket of {family}: "
                "pipetwist listens on unix sockets, TCP ports and vsock; take it out of the socket "
                "unit"
            )
            raise StartError(message) from None
        if self.address is None:
            message = (
                f"descriptor {descriptor}, which was inherited, is not a listening stream socket: "
                "use ListenStream= and Accept=no"
            )
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
        """A copy, which an inbound listens with, and may close."""
        return ListeningSocket(fileno=os.dup(self.descriptor))


class InheritedSockets:
    """All inherited sockets.

    Args:
        descriptors: their descriptors.

    Raises:
        StartError: one is not a listening stream socket.
    """

    def __init__(self, descriptors: Iterable[int] = ()) -> None:
        self._sockets = [InheritedSocket(descriptor) for descriptor in descriptors]

    def __len__(self) -> int:
        return len(self._sockets)

    def __iter__(self) -> Iterator[InheritedSocket]:
        return iter(self._sockets)

    def at(self, *wanted: BindAddress) -> tuple[InheritedSocket, ...]:
        """Those that listen on one of these addresses."""
        return tuple(
            one
            for one in self._sockets
            if one.address is not None and any(each.is_the_same_as(one.address) for each in wanted)
        )

    def with_descriptor(self, descriptor: int) -> InheritedSocket | None:
        """The one with this descriptor."""
        return next((one for one in self._sockets if one.descriptor == descriptor), None)
