"""Relays as they are written at first: each falls into a trap that Twisted's transports set, by
which a test of it can be seen to fail.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

__all__ = ["EarlyReader", "Forwarder", "HalfCloser", "NaiveRelay"]

_reactor: Any = reactor


class Forwarder(Protocol):
    """One end, in the way of `twisted.protocols.portforward`: each end's transport is the producer
    of the other's.
    """

    transport: Any
    reads_early = False

    def __init__(self, relay: NaiveRelay) -> None:
        self.relay = relay
        self.peer: Forwarder | None = None
        self.early: list[bytes] = []

    def connectionMade(self) -> None:
        """Count it."""
        self.relay.open.add(self)
        if not self.reads_early:
            self.transport.pauseProducing()

    def ready(self) -> Deferred[None]:
        """Fires when the other end is to be connected."""
        return succeed(None)

    def couple(self, peer: Forwarder) -> None:
        """Forward what comes to that peer from now on."""
        self.peer = peer
        peer.transport.registerProducer(self.transport, True)
        for data in self.early:
            peer.transport.write(data)
        self.transport.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        """Forward it."""
        if self.peer is None:
            self.early.append(data)
        else:
            self.peer.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Close the other end."""
        self.relay.open.discard(self)
        if self.peer is not None:
            self.peer.transport.loseConnection()


@implementer(IHalfCloseableProtocol)
class HalfCloser(Forwarder):
    """The same with half-closes: when both directions have ended, both ends are closed."""

    def __init__(self, relay: NaiveRelay) -> None:
        super().__init__(relay)
        self.ended: list[Forwarder] = []

    def couple(self, peer: Forwarder) -> None:
        """Forward the end of file as well."""
        assert isinstance(peer, HalfCloser)
        peer.ended = self.ended
        super().couple(peer)
        if self in self.ended:
            peer.transport.loseWriteConnection()

    def readConnectionLost(self) -> None:
        """Half-close the other end, or close both."""
        self.ended.append(self)
        if self.peer is None:
            return
        self.peer.transport.unregisterProducer()
        if len(self.ended) < 2:
            self.peer.transport.loseWriteConnection()
        else:
            self.peer.transport.loseConnection()
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """The half-close has gone out."""


class EarlyReader(HalfCloser):
    """The same, which reads from the client while the server is still being connected: that takes
    until the client's end of file.
    """

    reads_early = True

    def __init__(self, relay: NaiveRelay) -> None:
        super().__init__(relay)
        self._ready: Deferred[None] = Deferred()

    def ready(self) -> Deferred[None]:
        """Fires at the client's end of file."""
        return self._ready

    def readConnectionLost(self) -> None:
        """The first time comes before the other end is there."""
        super().readConnectionLost()
        if not self._ready.called:
            self._ready.callback(None)


class NaiveRelay(Factory):
    """Listens on a unix socket, and connects another for each connection.

    Args:
        case: the test, whose clean-up ends all of it.
        end: what the two ends of a connection are.
        listen: the path to listen on.
        connect: the path to connect.
    """

    noisy = False

    def __init__(
        self, case: SynchronousTestCase, end: type[Forwarder], listen: str, connect: str
    ) -> None:
        self._end = end
        self._connect = UNIXClientEndpoint(_reactor, connect)
        self.open: set[Forwarder] = set()
        port = _reactor.listenUNIX(listen, self)
        case.addCleanup(self._close)
        case.addCleanup(port.stopListening)

    @property
    def open_connections(self) -> int:
        """How many connections are not over yet."""
        return (len(self.open) + 1) // 2

    def buildProtocol(self, addr: IAddress | None) -> Forwarder:
        """Build the client's end, and connect the server's."""
        client, server = self._end(self), self._end(self)
        connecting = client.ready()
        connecting.addCallback(lambda _: connectProtocol(self._connect, server))
        connecting.addCallback(lambda _: client.couple(server))
        connecting.addCallback(lambda _: server.couple(client))
        return client

    def _close(self) -> Any:
        for end in list(self.open):
            end.peer = None
            end.transport.unregisterProducer()
            end.transport.abortConnection()
        return deferLater(_reactor, 0)
