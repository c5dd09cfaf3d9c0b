"""Limits the connections of HTTP clients, and chooses which one is closed for a new one."""

from __future__ import annotations

import sys
from collections.abc import Callable

from twisted.internet.interfaces import IAddress, IHandshakeListener, ISSLTransport
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.descriptors import DescriptorShares, Share
from pipetwist.interfaces import AnyProtocol
from pipetwist.logs.rate_limited_log import RateLimitedLog
from pipetwist.web.site import MonitoringSite

__all__ = ["Connections"]

_MAX_CONNECTIONS = 100


@implementer(IHandshakeListener)
class _Client(ProtocolWrapper):
    """One client, which may have to complete a TLS handshake first."""

    factory: Connections
    is_leaving = False
    """Whether it is being closed to make room."""
    host: object = None
    """The address of its machine."""
    _shaken = False

    @property
    def is_answered(self) -> bool:
        """Whether one of its requests is being answered."""
        return any(request.is_answered for request in getattr(self.wrappedProtocol, "requests", ()))

    def handshakeCompleted(self) -> None:
        self._shaken = True

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """Pass on."""
        if not self._shaken and ISSLTransport.providedBy(self.transport):
            self.factory.handshake_failed(self.getPeer(), reason)
        super().connectionLost(reason)


class Connections(WrappingFactory[_Client]):
    """Limits how many clients are connected, and closes those that are left at the stop.

    If all connections are in use, an idle one is closed for a new one, so that idle clients can't
    keep Prometheus out. One address may have half of the connections.

    Args:
        site: builds the HTTP protocols.
        maximum: how many there may be.
        log: gets why a client was closed, at most once a minute.
        handshake_failed: is called with the address of a client whose TLS handshake has failed, and
            why.
        share: says how many descriptors they may have; where it is None nothing bounds those.
    """

    noisy = False
    protocol = _Client
    protocols: dict[_Client, int]

    def __init__(
        self,
        site: MonitoringSite,
        maximum: int = _MAX_CONNECTIONS,
        log: Logger | None = None,
        handshake_failed: Callable[[object, Failure], object] = lambda *_: None,
        share: Share | None = None,
    ) -> None:
        super().__init__(site)
        self._maximum = maximum
        log = log or Logger()
        self._full = RateLimitedLog("metrics", site.reactor, log)
        self.handshake_failed = handshake_failed
        self._share = share or DescriptorShares(sys.maxsize, log).monitoring("metrics")

    def __repr__(self) -> str:
        return f"<Connections: {len(self.protocols)} of {self.max_clients}>"

    @property
    def max_clients(self) -> int:
        """How many there may be."""
        return min(self._maximum, self._share.bound)

    def buildProtocol(self, addr: IAddress | None) -> AnyProtocol:
        """Accept one; None if it is refused."""
        host = getattr(addr, "host", None)
        max_clients = self.max_clients
        few = (
            ""
            if max_clients == self._maximum
            else ", as many as there are file descriptors for (ulimit -n)"
        )
        clients = [client for client in self.protocols if not client.is_leaving]
        neighbours = [client for client in clients if client.host == host is not None]
        if len(neighbours) >= max(1, max_clients // 2):
            if not self._have_room_made(
                neighbours,
                f"{host} has {len(neighbours)} connections, as many as one address may have",
            ):
                return None
        elif len(clients) >= max_clients and not self._have_room_made(
            clients, f"all {max_clients} connections are in use{few}"
        ):
            return None
        client = super().buildProtocol(addr)
        client.host = host
        return client

    def registerProtocol(self, p: _Client) -> None:
        """A client has connected."""
        super().registerProtocol(p)
        self._share.take(1)

    def unregisterProtocol(self, p: _Client) -> None:
        """A client was lost."""
        super().unregisterProtocol(p)
        self._share.give(1)

    def _have_room_made(self, clients: list[_Client], why: str) -> bool:
        """Close the oldest idle connection; False if none is idle."""
        idle = next((client for client in clients if not client.is_answered), None)
        if idle is None:
            self._full.say(f"{why}: a new one was closed")
            return False
        self._full.say(f"{why}: the oldest idle connection was closed, from {idle.host}")
        idle.is_leaving = True
        idle.abortConnection()
        return True

    def end_all(self) -> None:
        """Close every connection, and drop what is not delivered, except connections that are being
        closed in order.
        """
        for client in list(self.protocols):
            if not client.disconnecting:
                client.abortConnection()
