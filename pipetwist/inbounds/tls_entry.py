"""Has accepted sockets do their TLS handshake, on Twisted's transports."""

from __future__ import annotations

import socket
from contextlib import closing

from pipetwist.connection.cause import Cause
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.handshake import HandshakeFactory
from pipetwist.inbounds.proxy_entry import ProxiedSocket
from pipetwist.tls.listener import ListenerTls
from pipetwist.tls.twisted_tls import over_tls
from pipetwist.transfer.adoption import MakeSide
from pipetwist.transfer.stream import StreamSide

__all__ = ["TlsEntry"]


class TlsEntry:
    """Handles the sockets that an acceptor has accepted.

    Args:
        gate: admits clients, by their transports.
        context: what the inbound works with.
        tls: what clients are shown and asked for.
        make: makes the clients' sides.
    """

    def __init__(
        self,
        gate: Gate,
        context: InboundContext,
        tls: ListenerTls,
        make: MakeSide = StreamSide,
    ) -> None:
        self._gate = gate
        self._context = context
        self._handshakes = HandshakeFactory(gate, context, make)
        self._factory = over_tls(tls, self._handshakes, context.reactor)

    def accepted(self, accepted: socket.SocketType) -> None:
        """Begin the handshake."""
        header = accepted.header if isinstance(accepted, ProxiedSocket) else None
        self._handshakes.header = header
        with closing(accepted):  # the reactor duplicates the descriptor
            try:
                self._context.reactor.adoptStreamConnection(
                    accepted.fileno(), accepted.family, self._factory
                )
            except OSError as error:
                text = "inbound {tag}: a client can't be served: {error}"
                self._context.log.warn(text, tag=self._gate.tag, error=error.strerror)
                self._gate.lost(Cause.INTERNAL)

    def stop(self) -> None:
        """Abort the handshakes that are not complete."""
        self._handshakes.stopFactory()
