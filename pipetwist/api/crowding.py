"""Notices that an API on a unix socket has as many connections as it takes: gRPC closes who comes beyond that, and tells nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from pipetwist.api.options import MOST_CONNECTIONS
from pipetwist.values import unix_sockaddr

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime, IStreamClientEndpoint
    from twisted.logger import Logger
    from twisted.python.failure import Failure

    from pipetwist.values.listen import UnixListen

__all__ = ["INTERVAL", "CrowdWatch", "endpoint_of"]

INTERVAL = 30.0
"""Seconds from one look to the next."""
_PATIENCE = 2.0  # seconds after which a server that neither speaks nor hangs up has let one in


class _Look(Protocol):
    """Connects, says nothing, and sees whether it is hung up on.

    Args:
        clock: counts the time.
        seen: is told whether it was.
    """

    def __init__(self, clock: IReactorTime, seen: Callable[[bool], None]) -> None:
        self._clock = clock
        self._seen: Callable[[bool], None] | None = seen
        self._call: IDelayedCall | None = None

    def connectionMade(self) -> None:
        self._call = self._clock.callLater(_PATIENCE, self._end, crowded=False)

    def dataReceived(self, data: bytes) -> None:
        self._end(crowded=False)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._end(crowded=True)

    def leave(self) -> None:
        """See nothing any more."""
        self._seen = None
        self._end(crowded=False)

    def _end(self, *, crowded: bool) -> None:
        seen, self._seen = self._seen, None
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()
        if seen is not None:
            seen(crowded)


class CrowdWatch:
    """Logs when the API is full, and when it is no longer. It finds out as a client does, by connecting now and then.

    Args:
        endpoint: where the API listens.
        clock: counts the time.
        log: is told.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, clock: IReactorTime, log: Logger) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._log = log
        self._crowded = False
        self._call: IDelayedCall | None = clock.callLater(INTERVAL, self._look)
        self._connecting: Deferred[Any] | None = None
        self._looking: _Look | None = None

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._connecting is not None:
            self._connecting.cancel()
        if self._looking is not None:
            self._looking.leave()
            self._looking = None

    def _look(self) -> None:
        self._call = None
        self._looking = look = _Look(self._clock, self._seen)
        factory = Factory.forProtocol(lambda: look)
        factory.noisy = False
        self._connecting = self._endpoint.connect(factory)
        self._connecting.addCallbacks(self._connected, self._not_connected)

    def _connected(self, _: object) -> None:
        self._connecting = None

    def _not_connected(self, _: object) -> None:
        # Nothing is known then: the daemon is out of descriptors, for instance, or stops.
        self._connecting = None
        if self._looking is not None:
            self._seen(self._crowded)

    def _seen(self, crowded: bool) -> None:
        self._looking = None
        if crowded and not self._crowded:
            self._log.warn(
                "The StatsService has {most} connections, as many as it takes; who comes beyond is closed", most=MOST_CONNECTIONS
            )
        elif self._crowded and not crowded:
            self._log.info("The StatsService takes connections again")
        self._crowded = crowded
        self._call = self._clock.callLater(INTERVAL, self._look)


def endpoint_of(address: UnixListen, reactor: Any) -> IStreamClientEndpoint:
    """Where whoever listens at an address can be reached from here."""
    path: Any = unix_sockaddr(address.path)
    return UNIXClientEndpoint(reactor, path)
