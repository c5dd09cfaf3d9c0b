"""TLS on Twisted's transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.listener import ListenerTls
from pipetwist.transfer.tls_records import RecordPace

if TYPE_CHECKING:
    from OpenSSL.SSL import Connection

__all__ = ["ClientConnections", "ServerConnections", "over_tls"]


@implementer(IOpenSSLClientConnectionCreator)
class ClientConnections:
    """What ``twisted.internet.endpoints.wrapClientTLS`` takes.

    Args:
        tls: what servers are asked for.
    """

    def __init__(self, tls: ConnectorTls) -> None:
        self._tls = tls

    def clientConnectionForTLS(self, tlsProtocol: object) -> Connection:
        """A connection for a transport."""
        return self._tls.connection()


@implementer(IOpenSSLServerConnectionCreator)
class ServerConnections:
    """What ``twisted.protocols.tls.TLSMemoryBIOFactory`` takes.

    Args:
        tls: what is shown to clients, and asked of them.
    """

    def __init__(self, tls: ListenerTls) -> None:
        self._tls = tls

    def serverConnectionForTLS(self, tlsProtocol: object) -> Connection:
        """A connection for a transport."""
        return self._tls.connection()


def over_tls(
    tls: ListenerTls, factory: IProtocolFactory, clock: IReactorTime, at_once: int = 65536
) -> IProtocolFactory:
    """What speaks TLS with clients, and has a factory's protocols speak inside.

    Args:
        tls: what it shows and asks for.
        factory: builds the protocols; whom it refuses is refused before the handshake.
        clock: counts the time.
        at_once: bytes that are read of a client in one turn, at most.
    """
    from twisted.protocols.tls import TLSMemoryBIOFactory

    class Paced(TLSMemoryBIOFactory.protocol):  # type: ignore[misc, valid-type]  # which class it is depends on the version
        def makeConnection(self, transport: Any) -> None:  # see `RecordPace.hold`
            self._pace = RecordPace(at_once)
            self._pace.hold(transport)
            super().makeConnection(transport)

        def dataReceived(self, data: bytes) -> None:
            self._pace.came(data)
            super().dataReceived(data)

        def connectionLost(self, reason: Failure) -> None:
            self._pace.let_go(self.transport)
            super().connectionLost(reason)

    class TlsFactory(TLSMemoryBIOFactory):
        noisy = False
        protocol = Paced

        def buildProtocol(self, addr: IAddress | None) -> Any:  # Twisted allows no None
            # Twisted's own wraps None as if it were a protocol.
            inner = self.wrappedFactory.buildProtocol(addr)
            return None if inner is None else self.protocol(self, inner)

    return TlsFactory(ServerConnections(tls), False, factory, clock)
