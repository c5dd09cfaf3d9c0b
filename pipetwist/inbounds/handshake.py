"""The first protocol of an accepted connection: waits for the TLS handshake, asks the gate, and
then passes the transport to the client's side.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.proxy_entry import NamedTransport
from pipetwist.interfaces import AnyProtocol, AnyTransport, IOutbound, ISide, ITracker
from pipetwist.proxy_protocol.header import Header
from pipetwist.tls.failed_handshake import log_failed_handshake
from pipetwist.transfer.adoption import MakeSide, counted_side
from pipetwist.transfer.stream import StreamSide

__all__ = ["HandshakeFactory", "HandshakeProtocol"]

# A client that does not complete its TLS handshake within this time is disconnected.
HANDSHAKE_SECONDS = 10.0


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class HandshakeProtocol(Protocol):
    """The handshake of one client.

    Args:
        gate: admits the client.
        context: what the inbound works with.
        waiting: the protocols whose handshake is not complete yet.
        header: what a proxy has said of the client before.
        make: makes the client's side.
    """

    transport: AnyTransport

    def __init__(
        self,
        gate: Gate,
        context: InboundContext,
        waiting: set[HandshakeProtocol],
        header: Header | None = None,
        make: MakeSide = StreamSide,
    ) -> None:
        self._gate = gate
        self._context = context
        self._waiting = waiting
        self._inside: AnyProtocol = None
        self._handshake: IDelayedCall | None = None
        self._refused = False
        self._header = header
        self._make = make
        self._kept = gate.expect()

    def connectionMade(self) -> None:
        """Without TLS the client can be identified immediately."""
        if ISSLTransport.providedBy(self.transport):
            self._handshake = self._context.reactor.callLater(HANDSHAKE_SECONDS, self._too_slow)
            self._waiting.add(self)
        else:
            self._let_in()

    def handshakeCompleted(self) -> None:
        """With TLS the client can be identified when certificates have been exchanged."""
        self._let_in()

    def _let_in(self) -> None:
        header = self._header
        client = self.transport if header is None else NamedTransport(self.transport, header)
        if not self._gate.let_in(client, self._make_side):
            self._refused = True
            # Over TLS the peer has to answer this within the time-out of the handshake.
            self.transport.loseConnection()

    def _make_side(self, _: object, outbound: IOutbound, tracker: ITracker | None) -> ISide:
        self._stop_waiting()
        self._entered()
        side, inside = counted_side(
            self._context.reactor, self._context.peer_close_watch, tracker, self._make
        )
        self._inside = inside
        # From now on the transport calls the side directly.
        self.dataReceived = inside.dataReceived  # type: ignore[method-assign]  # see above
        inside.makeConnection(self.transport)
        return side

    def _entered(self) -> None:
        kept, self._kept = self._kept, 0
        if kept:
            self._gate.expected(kept)

    def _too_slow(self) -> None:
        self._handshake = None
        self.transport.abortConnection()

    def _stop_waiting(self) -> None:
        self._waiting.discard(self)
        if self._handshake is not None:
            self._handshake.cancel()
            self._handshake = None

    def readConnectionLost(self) -> None:
        """Pass on. If the client was refused or is not admitted yet, close."""
        if self._inside is not None:
            self._inside.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Pass on."""
        if self._inside is not None:
            self._inside.writeConnectionLost()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """Pass on, or log why the handshake failed."""
        self._stop_waiting()
        self._entered()
        inside, self._inside = self._inside, None
        if inside is not None:
            inside.connectionLost(reason)
        elif ISSLTransport.providedBy(self.transport) and not self._refused:
            self._gate.lost(Cause.HANDSHAKE)
            label = f"inbound {self._gate.tag}"
            log_failed_handshake(self._context.log, label, self._peer(), reason)

    def _peer(self) -> object:
        if self._header is not None:
            return _named(self._header)
        return self.transport.getPeer() if self._gate.between is None else self._gate.between()


class HandshakeFactory(Factory[HandshakeProtocol]):
    """Builds a handshake protocol for each connection.

    Args:
        gate: admits the clients.
        context: what the inbound works with.
        make: makes their sides.
    """

    noisy = False

    def __init__(self, gate: Gate, context: InboundContext, make: MakeSide = StreamSide) -> None:
        self._gate = gate
        self._context = context
        self._make = make
        self._waiting: set[HandshakeProtocol] = set()
        self.header: Header | None = None
        """What a proxy has said of the next client."""

    def buildProtocol(self, addr: IAddress | None) -> HandshakeProtocol:
        """Build one."""
        return HandshakeProtocol(self._gate, self._context, self._waiting, self.header, self._make)

    def stopFactory(self) -> None:
        """The inbound does not listen any more: abort the handshakes that are not complete."""
        for protocol in list(self._waiting):
            protocol.transport.abortConnection()


def _named(header: Header) -> IAddress | None:
    """The address that a header names, in Twisted's words."""
    if not isinstance(header.source, tuple):
        return None
    kind = IPv6Address if ":" in header.source[0] else IPv4Address
    return kind("TCP", *header.source)
