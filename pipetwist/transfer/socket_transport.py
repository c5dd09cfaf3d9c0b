"""A transport of Twisted's for stream sockets of address families that its reactors do not adopt,
such as vsock.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from twisted.internet import tcp
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableDescriptor,
    IProtocol,
    IPushProducer,
    IReactorFDSet,
    IReadWriteDescriptor,
    ISystemHandle,
    ITransport,
)
from zope.interface import implementer, implementer_only

__all__ = ["SocketName", "SocketTransport"]


@implementer(IAddress)
@dataclass(frozen=True)
class SocketName:
    """The name of a socket.

    Attributes:
        name: as the system gives it.
    """

    name: object


# It has no resets, and nothing else of TCP's.
@implementer_only(
    ITransport,
    ISystemHandle,
    IConsumer,
    IPushProducer,
    IReadWriteDescriptor,
    IHalfCloseableDescriptor,
)
class SocketTransport(tcp.Connection):
    """A transport for a connected socket, which is the transport's from then on.

    Args:
        connected: the socket.
        protocol: is connected at once.
        reactor: watches the socket.
    """

    def __init__(
        self, connected: socket.SocketType, protocol: IProtocol, reactor: IReactorFDSet
    ) -> None:
        # Of vsock Python's own sockets take numbers alone for options, and Twisted gives others
        # when it aborts. What is a unix socket to Python passes on what it is given.
        descriptor = connected.detach()
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)
        super().__init__(plain, protocol, reactor)
        self.logstr = self._getLogPrefix(protocol)
        self.connected = 1
        self.startReading()
        protocol.makeConnection(self)

    def __repr__(self) -> str:
        return f"<SocketTransport fd={self.socket.fileno()}>"

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:
        """See ``FileDescriptor``, which writes even if nothing waits, in order to end: vsock takes
        that for a failure where the peer has closed.
        """
        return super().writeSomeData(data) if data else 0

    def getHost(self) -> SocketName:
        """See ``ITransport``."""
        return SocketName(self.socket.getsockname())

    def getPeer(self) -> SocketName:
        """See ``ITransport``."""
        return SocketName(self.socket.getpeername())
