"""The frontend before gRPC: limits its clients, checks what they send, and forwards it to gRPC."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from pipetwist.api.callers import Callers
from pipetwist.api.frontend_client import LINGER_SECONDS, FrontendClient
from pipetwist.api.options import MAX_CONNECTIONS, MAX_PER_ADDRESS
from pipetwist.api.rate_limit import RateLimit
from pipetwist.descriptors import DescriptorShares, Share
from pipetwist.logs.rate_limited_log import RateLimitedLog
from pipetwist.values.addresses import shown_peer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

__all__ = ["Frontend"]

_FEW = ", as many as there are file descriptors for (ulimit -n)"
# A client has a socket, and a connection to gRPC, of which both ends belong to this process.
_DESCRIPTORS = 3


class Frontend(Factory):
    """Accepts a limited number of clients, at most half of them from one address.

    Args:
        inner: where gRPC listens.
        clock: counts the time.
        log: gets which client was closed, and why, once a minute.
        share: limits the descriptors of clients; None for no limit.
        label: the listener's key in the configuration, for the log.
        callers: learns who each client is, and whom to refuse; None if nobody asks.
    """

    noisy = False

    def __init__(
        self,
        inner: IStreamClientEndpoint,
        clock: IReactorTime,
        log: Logger,
        share: Share | None = None,
        *,
        label: str = "experimental.v2ray_api",
        callers: Callers | None = None,
    ) -> None:
        self.label = label
        self.callers = callers
        self.inner = inner
        self.clock = clock
        self.log = log
        self.clients: dict[FrontendClient, None] = {}
        """The clients that are connected."""
        self.rate_limit = RateLimit(clock)
        self._share = share or DescriptorShares(sys.maxsize, log).monitoring(label)
        self._emptied: Deferred[None] | None = None
        self._refused = RateLimitedLog(label, clock, log)
        self._full = RateLimitedLog(label, clock, log)

    def __repr__(self) -> str:
        return f"<Frontend: {len(self.clients)} of {self.max_clients}>"

    @property
    def max_clients(self) -> int:
        """How many there may be."""
        return min(MAX_CONNECTIONS, self._share.bound // _DESCRIPTORS)

    def buildProtocol(self, addr: IAddress | None) -> FrontendClient | None:
        """Accept one; None if it is refused."""
        host = getattr(addr, "host", None)  # the address of a unix socket has none
        of_host = "" if host is None else f" of {host}"
        max_clients = self.max_clients
        few = "" if max_clients == MAX_CONNECTIONS else _FEW
        if len(self.clients) >= max_clients:
            self._full.say(
                f"all {max_clients} connections are in use{few}: a new one{of_host} was closed"
            )
            return None
        maximum = min(MAX_PER_ADDRESS, max(1, max_clients // 2))
        if host is not None and sum(client.host == host for client in self.clients) >= maximum:
            self._full.say(
                f"{host} has {maximum} connections, as many as one address may have: a new "
                "one was closed"
            )
            return None
        return FrontendClient(self, host)

    def come(self, client: FrontendClient) -> None:
        """A client has connected."""
        self.clients[client] = None
        self._share.take(_DESCRIPTORS)

    def tell_refused(self, client: FrontendClient, why: str) -> None:
        """Log that a client was closed because of what it sent."""
        self._refused.say(f"{shown_peer(client.transport.getPeer())} was closed: {why}")

    def gone(self, client: FrontendClient) -> None:
        """A client was lost."""
        del self.clients[client]
        self._share.give(_DESCRIPTORS)
        if self._emptied is not None and not self.clients:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def close(self) -> Deferred[None]:
        """Close the clients that are left, after gRPC has closed its ends.

        Returns:
            A Deferred that fires when all are closed, and have got gRPC's last frames if they read
            them.
        """
        for client in list(self.clients):
            client.leave()
        if not self.clients:
            return succeed(None)
        self._emptied = emptied = Deferred[None]()
        too_long = self.clock.callLater(LINGER_SECONDS, self._abort_all)
        return emptied.addCallback(lambda _: too_long.cancel() if too_long.active() else None)

    def _abort_all(self) -> None:
        for client in list(self.clients):
            client.abort()
