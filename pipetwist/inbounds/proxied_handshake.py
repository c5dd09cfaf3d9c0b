"""The first protocol of a connection of Twisted's that begins with a header of the PROXY protocol.

The header is read from a copy of the transport's socket, while the transport reads nothing, so that
whatever follows is the transport's.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.python.failure import Failure

from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.handshake import HandshakeFactory, HandshakeProtocol
from pipetwist.inbounds.header_reader import HeaderReader
from pipetwist.inbounds.proxy_entry import proxy_of
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.kinds.proxy_options import ProxiedInboundOptions
from pipetwist.proxy_protocol.header import Header
from pipetwist.proxy_protocol.trust import trusted_proxies
from pipetwist.transfer.socket_state import socket_of
from pipetwist.values.addresses import shown_peer

__all__ = ["ProxiedHandshakeFactory"]


class ProxiedHandshakeProtocol(HandshakeProtocol):
    """Reads the header of one client, and lets it in.

    Args:
        gate: admits the client.
        context: what the inbound works with.
        waiting: the protocols of clients that are not admitted yet.
        options: the inbound's options.
    """

    def __init__(
        self,
        gate: Gate,
        context: InboundContext,
        waiting: set[HandshakeProtocol],
        options: ProxiedInboundOptions,
    ) -> None:
        super().__init__(gate, context, waiting)
        self._options = options
        self._reader: HeaderReader | None = None

    def connectionMade(self) -> None:
        """Read the header, if this is a proxy that may send one."""
        self.transport.pauseProducing()
        connected = socket_of(self.transport)
        if connected is None or ISSLTransport.providedBy(self.transport):
            peer = shown_peer(self.transport.getPeer())
            self._refuse(f"refused {peer}, whose transport has no socket to read a header from")
            return
        try:
            who, shown = proxy_of(connected)
        except OSError:  # it has gone already
            self._leave()
            return
        optional = self._options.proxy_protocol_accept_no_header
        if trusted_proxies(self._options.trusted_proxies).trusts(who):
            self._read(connected, shown, optional=optional)
        elif optional:
            self._let_in()
        else:
            self._refuse(f"refused {shown}, which is none of its trusted_proxies")

    def _read(self, connected: socket.socket, shown: str, *, optional: bool) -> None:
        copy = connected.dup()  # the reactor knows the transport by the other number
        self._waiting.add(self)

        def done(header: Header | None) -> None:
            copy.close()
            self._reader = None
            # Of a LOCAL one the transport knows who the client is.
            self._header = None if header is None or header.source is None else header
            self._let_in()

        def refused(why: str) -> None:
            copy.close()
            self._reader = None
            self._refuse(f"refused {shown}, which sent no PROXY header: {why}")

        clock = self._context.reactor
        self._reader = reader = HeaderReader(
            clock, ReactorWatcher(clock), copy, optional=optional, done=done, refused=refused
        )
        self._stop_reading = copy.close
        reader.start()

    def _refuse(self, text: str) -> None:
        self._gate.refuse(text)
        self._leave()

    def _leave(self) -> None:
        self._refused = True
        self._waiting.discard(self)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """Let go of the socket, and pass on."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
            self._stop_reading()
        super().connectionLost(reason)


class ProxiedHandshakeFactory(HandshakeFactory):
    """Builds such a protocol for each connection.

    Args:
        gate: admits the clients.
        context: what the inbound works with.
        options: gets the inbound's options, which a reload may change.
    """

    def __init__(
        self, gate: Gate, context: InboundContext, options: Callable[[], ProxiedInboundOptions]
    ) -> None:
        super().__init__(gate, context)
        self._options = options

    def buildProtocol(self, addr: IAddress | None) -> ProxiedHandshakeProtocol:
        """Build one."""
        return ProxiedHandshakeProtocol(self._gate, self._context, self._waiting, self._options())
