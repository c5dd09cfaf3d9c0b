"""Connecting with TLS. It is complete when the handshake is, since only then it is known whether
the server is the right one.
"""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.errors import ConnectError
from pipetwist.interfaces import AnyDeferred, ISide
from pipetwist.outbounds.context import OutboundContext
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.twisted_tls import ClientConnections
from pipetwist.transfer.adoption import MakeSide
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.transfer.stream import StreamSide

__all__ = ["connect_tls", "socket_over_tls"]


@implementer(IHandshakeListener)
class _Handshake(Protocol):
    """The first protocol of a TLS connection, until the side takes its place."""

    transport: Any  # a TLSMemoryBIOProtocol, which is a transport to the protocol that it wraps

    def __init__(self, side: StreamSide, name: str) -> None:
        self._side = side
        self._name = name
        self.done: Deferred[ISide] = Deferred(lambda _: self.transport.abortConnection())

    def handshakeCompleted(self) -> None:
        """The certificate of the server is accepted."""
        self.transport.wrappedProtocol = self._side
        self._side.makeConnection(self.transport)
        self.done.callback(self._side)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """It is not accepted, or the connection was lost in the handshake."""
        lost = reason.check(ConnectionDone, ConnectionLost)
        cause = (
            "the connection was lost in the TLS handshake" if lost else describe_error(reason.value)
        )
        if not self.done.called:
            self.done.errback(ConnectError(f"{self._name}: {cause}"))


def connect_tls(
    endpoint: IStreamClientEndpoint, name: str, context: OutboundContext, keep_alive: KeepAlive
) -> Deferred[ISide]:
    """Connect an endpoint that uses TLS, and make it a side of a connection.

    Args:
        endpoint: what ``twisted.internet.endpoints.wrapClientTLS`` makes.
        name: the server, for people.
        context: what the outbound works with.
        keep_alive: the connection's keepalive.
    """

    class HandshakeFactory(Factory[_Handshake]):
        noisy = False

        def buildProtocol(self, addr: object) -> _Handshake:
            return _Handshake(StreamSide(context.reactor, context.peer_close_watch), name)

    def connected(handshake: _Handshake) -> Deferred[ISide]:
        keep_alive.set_on_transport(handshake.transport)
        return handshake.done

    connecting: AnyDeferred = endpoint.connect(HandshakeFactory())
    return connecting.addCallback(connected)


def socket_over_tls(
    connected: socket.SocketType,
    tls: ConnectorTls,
    name: str,
    context: OutboundContext,
    make: MakeSide = StreamSide,
) -> Deferred[ISide]:
    """Have the TLS handshake on a connected socket, and make it a side of a connection.

    Args:
        connected: the socket, which is the reactor's from then on.
        tls: what the server is asked for.
        name: the server, for people.
        context: what the outbound works with.
        make: makes the side.

    Raises:
        OSError: there is no free descriptor.
    """
    from twisted.protocols.tls import TLSMemoryBIOFactory

    handshake = _Handshake(make(context.reactor, context.peer_close_watch), name)

    class HandshakeFactory(Factory[_Handshake]):
        noisy = False

        def buildProtocol(self, addr: object) -> _Handshake:
            return handshake

    clock = context.reactor
    factory = TLSMemoryBIOFactory(ClientConnections(tls), True, HandshakeFactory(), clock)
    with closing(connected):  # the reactor duplicates the descriptor
        context.reactor.adoptStreamConnection(connected.fileno(), connected.family, factory)
    return handshake.done
