"""Counts the traffic of Twisted transports: a wrapper for one connection, and a factory and an
endpoint that wrap many.

Bytes read are counted when the protocol gets them. Bytes written are counted when the kernel has
accepted them, if the transport shows that; on others (TLS, other reactors) they are counted when
the transport accepts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IFileDescriptorReceiver,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IListeningPort,
    IProtocol,
    ISSLTransport,
    IStreamServerEndpoint,
    ITransport,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import alsoProvides, directlyProvides, implementer, providedBy

from pipetwist.interfaces import AnyDeferred, AnyFactory, AnyProtocol, AnyTransport, TrackerLike

__all__ = ["CountingEndpoint", "CountingFactory", "CountingProtocol", "count_writes"]

# The interfaces that a transport checks its protocol for. A wrapper must provide exactly those that
# the wrapped protocol does, or a half-close becomes a close.
_PROTOCOL_INTERFACES = (IHalfCloseableProtocol, IHandshakeListener, IFileDescriptorReceiver)


def count_writes(transport: ITransport, count: Callable[[int], None]) -> bool:
    """Count every write that the kernel accepts from this transport.

    Args:
        transport: the transport, wrapped or not.
        count: is called with the number of bytes that the kernel has accepted.

    Returns:
        False if the transport does not show what the kernel accepts; then nothing is counted.
    """
    innermost: object = transport
    while isinstance(innermost, ProtocolWrapper) and not ISSLTransport.providedBy(innermost):
        innermost = innermost.transport
    if ISSLTransport.providedBy(innermost) or not isinstance(innermost, FileDescriptor):
        return False
    write_some = innermost.writeSomeData

    def write_some_and_count(data: bytes) -> int | BaseException:
        written = write_some(data)
        if isinstance(written, int) and written > 0:
            count(written)
        return written

    innermost.writeSomeData = write_some_and_count  # type: ignore[method-assign]  # abstract.FileDescriptor calls it on the instance
    return True


class _Listening(Protocol):
    """A server endpoint, as a type checker knows it that has no plug-in for zope's interfaces."""

    def listen(self, protocolFactory: AnyFactory, /) -> AnyDeferred: ...


class CountingProtocol(ProtocolWrapper):
    """Wraps a protocol and its transport, and counts what passes; otherwise each sees the other
    unchanged.

    Args:
        factory: the factory that keeps the list of these; None if nobody does.
        wrapped: the protocol.
        tracker: counts the bytes.
    """

    transport: AnyTransport
    wrappedProtocol: AnyProtocol

    def __init__(
        self, factory: CountingFactory | None, wrapped: IProtocol, tracker: TrackerLike
    ) -> None:
        super().__init__(factory, wrapped)  # type: ignore[arg-type]  # the two places that use it are overridden here
        self._read = tracker.uplink
        self._written = tracker.downlink
        self._shown = False
        self._waiting = 0

    def makeConnection(self, transport: AnyTransport) -> None:
        """Provide what the transport provides, and what the protocol wants of one."""
        directlyProvides(self, providedBy(transport))
        for interface in _PROTOCOL_INTERFACES:
            if interface.providedBy(self.wrappedProtocol):
                alsoProvides(self, interface)
        self.connected = 1
        self.transport = transport
        self._shown = count_writes(transport, self._taken)
        if self.factory is not None:
            self.factory.registerProtocol(self)
        self.wrappedProtocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        """Pass on, counting here where the transport can't show what the kernel takes."""
        self.transport.write(data)
        self._count(len(data))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Pass on, counting here where the transport can't show what the kernel takes."""
        chunks = list(data)
        self.transport.writeSequence(chunks)
        self._count(sum(map(len, chunks)))

    def startTLS(self, *arguments: object) -> object:
        """Pass on; from now on the kernel takes other bytes than the protocol writes, so that they
        count when TLS takes them.
        """
        self._written(self._waiting)
        self._shown = False
        return self.transport.startTLS(*arguments)

    def _count(self, count: int) -> None:
        if self._shown:
            self._waiting += count
        else:
            self._written(count)

    def _taken(self, count: int) -> None:
        if self._shown:
            self._waiting -= count
            self._written(count)

    def abortConnection(self) -> None:
        """Pass on."""
        self.disconnecting = 1
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Count and pass on."""
        self._read(len(data))
        self.wrappedProtocol.dataReceived(data)

    def readConnectionLost(self) -> None:
        """Pass on."""
        self.wrappedProtocol.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Pass on."""
        self.wrappedProtocol.writeConnectionLost()

    def handshakeCompleted(self) -> None:
        """Pass on."""
        self.wrappedProtocol.handshakeCompleted()

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """Pass on."""
        self.wrappedProtocol.fileDescriptorReceived(descriptor)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """Pass on, and let go of the protocol, which refers back here."""
        if self.factory is not None:
            self.factory.unregisterProtocol(self)
        self.wrappedProtocol.connectionLost(reason)
        self.wrappedProtocol = None


class CountingFactory(WrappingFactory[CountingProtocol]):
    """Builds another factory's protocols, each with its traffic counted.

    Args:
        wrapped: the other factory. It may refuse a connection by building None, as ever.
        tracker: gives the tracker for a peer's address, or None to leave that connection unwrapped.
    """

    def __init__(
        self,
        wrapped: AnyFactory,
        tracker: Callable[[IAddress | None], TrackerLike | None],
    ) -> None:
        super().__init__(wrapped)
        self._tracker = tracker

    def buildProtocol(self, addr: IAddress | None) -> AnyProtocol:
        """Build the other factory's protocol, wrapped where it is counted."""
        protocol = self.wrappedFactory.buildProtocol(addr)
        if protocol is None:
            return None
        tracker = self._tracker(addr)
        return protocol if tracker is None else CountingProtocol(self, protocol, tracker)


@implementer(IStreamServerEndpoint)
class CountingEndpoint:
    """A server endpoint whose connections' traffic is counted.

    Args:
        wrapped: the endpoint that listens.
        tracker: gives the tracker for a peer's address, or None.
    """

    def __init__(
        self, wrapped: _Listening, tracker: Callable[[IAddress | None], TrackerLike | None]
    ) -> None:
        self._wrapped = wrapped
        self._tracker = tracker

    def listen(self, protocolFactory: AnyFactory) -> Deferred[IListeningPort]:
        """Listen as the wrapped endpoint does."""
        return self._wrapped.listen(CountingFactory(protocolFactory, self._tracker))
