"""The first protocol of an accepted connection: brings it to the gate, then hands the transport
on.
"""

from __future__ import annotations

from typing import Any

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
from pipetwist.interfaces import IOutbound, ISide, ITracker
from pipetwist.tls.failed_handshake import log_failed_handshake
from pipetwist.transfer.adoption import counted_side

__all__ = ["HandshakeFactory", "HandshakeProtocol"]

# A peer that opens a connection for TLS and then says nothing is not waited for any longer.
HANDSHAKE_SECONDS = 10.0


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class HandshakeProtocol(Protocol):
    """Lets one client in.

    Args:
        gate: lets it in by its transport.
        context: what the inbound works with.
        waiting: holds those whose handshake is not over yet.
    """

    transport: Any  # a transport with TLS or without; the gate knows which

    def __init__(
        self, gate: Gate, context: InboundContext, waiting: set[HandshakeProtocol]
    ) -> None:
        self._gate = gate
        self._context = context
        self._waiting = waiting
        self._inside: Any = None
        self._handshake: IDelayedCall | None = None
        self._refused = False
        self._kept = gate.expect()

    def connectionMade(self) -> None:
        """Without TLS the client is known at once."""
        if ISSLTransport.providedBy(self.transport):
            self._handshake = self._context.reactor.callLater(HANDSHAKE_SECONDS, self._too_slow)
            self._waiting.add(self)
        else:
            self._let_in()

    def handshakeCompleted(self) -> None:
        """With TLS the client is known once certificates have been shown."""
        self._let_in()

    def _let_in(self) -> None:
        if not self._gate.let_in(self.transport, self._make_side):
            self._refused = True
            # Over TLS the peer's answer to this is waited for no longer than its handshake would
            # have been.
            self.transport.loseConnection()

    def _make_side(self, transport: Any, _: IOutbound, tracker: ITracker | None) -> ISide:
        self._stop_waiting()
        self._entered()
        side, inside = counted_side(self._context.reactor, self._context.peer_close_watch, tracker)
        self._inside = inside
        # The transport's calls go past this protocol from now on.
        self.dataReceived = inside.dataReceived  # type: ignore[method-assign]  # see above
        inside.makeConnection(transport)
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
        """Pass on; a client who was refused, or is not yet known, has nothing to end."""
        if self._inside is not None:
            self._inside.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Pass on."""
        if self._inside is not None:
            self._inside.writeConnectionLost()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """Pass on, or say why a handshake came to nothing."""
        self._stop_waiting()
        self._entered()
        inside, self._inside = self._inside, None
        if inside is not None:
            inside.connectionLost(reason)
        elif ISSLTransport.providedBy(self.transport) and not self._refused:
            self._gate.lost(Cause.HANDSHAKE)
            log_failed_handshake(
                self._context.log, f"inbound {self._gate.tag}", self.transport.getPeer(), reason
            )


class HandshakeFactory(Factory[HandshakeProtocol]):
    """Builds a handshake protocol for each connection.

    Args:
        gate: lets each in by its transport.
        context: what the inbound works with.
    """

    noisy = False

    def __init__(self, gate: Gate, context: InboundContext) -> None:
        self._gate = gate
        self._context = context
        self._waiting: set[HandshakeProtocol] = set()

    def buildProtocol(self, addr: IAddress | None) -> HandshakeProtocol:
        """Build one."""
        return HandshakeProtocol(self._gate, self._context, self._waiting)

    def stopFactory(self) -> None:
        """Nobody listens any more: who has not come in by now does not."""
        for protocol in list(self._waiting):
            protocol.transport.abortConnection()
