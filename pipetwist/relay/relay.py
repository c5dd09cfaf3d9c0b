"""Takes each connection from accept to close: routes it, counts it, connects both sides, and logs
its line.
"""

from __future__ import annotations

from collections.abc import Generator

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import LimitError
from pipetwist.interfaces import (
    AnyReactor,
    IDatagramSide,
    IGate,
    IRelay,
    IRoute,
    ISide,
    RouteLike,
    SideLike,
)
from pipetwist.limits.limits import Limits
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.record import ConnectionRecord
from pipetwist.relay.routing_table import HasRoutingTable, Route
from pipetwist.relay.unreachable import UnreachableOutbounds
from pipetwist.stats.online import OnlineUsers
from pipetwist.steps import at_once

__all__ = ["Relay", "Route"]

_STOPPING = "pipetwist is stopping"


@implementer(IRelay)
class Relay:
    """The relay. Its `connection_table` has the open connections.

    Args:
        clock: counts the time.
        current: the routes of new connections.
        online: gets the connections of tracked users.
        log: gets a line for each closed connection, and warnings about servers that can't be
            reached.
    """

    def __init__(
        self,
        clock: AnyReactor,
        current: HasRoutingTable,
        *,
        online: OnlineUsers | None = None,
        log: Logger | None = None,
    ) -> None:
        self._clock = clock
        self._current = current
        log = log or Logger()
        self.connection_table = ConnectionTable(
            clock, tracks=self._tracks, online=online, log=log, over=self._over
        )
        self._unreachable = UnreachableOutbounds(clock, log)
        self.names_clients = True
        """See `IRelay`. May be set to False if neither the log nor the page shows it, and no rule
        and no outbound depends on it.
        """
        self._drained: Deferred[None] | None = None
        self._ending = False

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self.connection_table)

    def limit(self, limits: Limits) -> None:
        """From now on these limits hold, for the open connections too."""
        at_once(self.limiting(limits))

    def limiting(self, limits: Limits) -> Generator[None, None, None]:
        """As `limit`, in small steps, see `ConnectionTable.limiting`."""
        # Where nothing is limited nobody is asked: then the method is the one below.
        if limits.anything:
            self.route = self._route_within_limits  # type: ignore[method-assign]  # see above
        else:
            vars(self).pop("route", None)
        return self.connection_table.limiting(limits)

    def route(self, client_info: ClientInfo) -> Route:
        return self._current.now.route(client_info)

    def _route_within_limits(self, client_info: ClientInfo) -> Route:
        route = Relay.route(self, client_info)
        admission = self.connection_table.limits.admission
        refusal = admission.refusal(client_info, route.outbound.tag)
        if refusal is not None:
            message = f"refused {client_info.peer}: {refusal.text}"
            raise LimitError(message)
        return route

    def handle(
        self, route: IRoute | RouteLike, client: ISide | SideLike, gate: IGate | None = None
    ) -> None:
        connection = self.connection_table.open(route, client, gate)  # type: ignore[arg-type]  # they provide IRoute and ISide
        connection.open(route.outbound)
        if self._ending:
            connection.stop(_STOPPING)
        elif self._drained is not None:
            connection.stop_retrying(_STOPPING)

    def _over(self, connection: ConnectionRecord) -> None:
        if connection.gate is not None:
            connection.gate.connection_closed(connection.route)
        cause = connection.cause
        if cause is not None and _unreached(cause, connection.client):
            self._unreachable.failed(connection.outbound, connection.reason)
        if self._drained is not None and not self.connection_table:
            self._drained.callback(None)
            self._drained = None

    def _tracks(self, user: str) -> bool:
        tracked = self._current.now.tracked
        return tracked is not None and tracked.tracks("user", user)

    def rejected(self, inbound: str, cause: Cause) -> None:
        self.connection_table.rejected(inbound, cause)

    def drain(self, seconds: float) -> Deferred[None]:
        """Let the open connections finish. Those that are still connecting are not retried.

        Args:
            seconds: connections that are still open after this time are closed.

        Returns:
            A Deferred that fires when no connection is open.
        """
        for connection in self.connection_table.connections():
            connection.stop_retrying(_STOPPING)
        if not self.connection_table:
            self._say_the_rest()
            return succeed(None)
        drained = self._drained = Deferred()
        limit = self._clock.callLater(seconds, self._end_all)

        def empty(result: None) -> None:
            self._ending = False
            self._say_the_rest()
            if limit.active():
                limit.cancel()

        return drained.addCallback(empty)

    def _say_the_rest(self) -> None:
        """Log what would be logged later."""
        self._unreachable.stop()
        self.connection_table.limits.notices.stop()

    def _end_all(self) -> None:
        # A client that was in its handshake when the stop began is closed as well, once it is a
        # connection.
        self._ending = True
        for connection in self.connection_table.connections():
            connection.stop(_STOPPING)


def _unreached(cause: Cause, client: ISide) -> bool:
    """Whether a connection failed because the server can't be reached. For datagrams nothing is
    connected: the system reports it after the first datagram.
    """
    if cause is Cause.SERVER:
        return IDatagramSide.providedBy(client) and not client.delivered
    return cause is Cause.CONNECT
