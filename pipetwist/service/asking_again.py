"""Asks open connections again, at a reload, who their clients are: those that may not come in any
more are ended.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Generator

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pipetwist.connection.client_info import ClientInfo
from pipetwist.connection.identity import Identity
from pipetwist.connection.states import Phase
from pipetwist.interfaces import ISide
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.generation import Generation
from pipetwist.steps import in_turns
from pipetwist.transfer.peer_credentials import PEER_CREDENTIALS, other_groups, peer_credentials

__all__ = ["AskingAgain"]

_ASKED_AT_ONCE = 200
_ENDED_AT_ONCE = 20  # each has two sides to close, and a line to log
_REASON = "its client is no user of the inbound any more"


class AskingAgain:
    """Ends the connections whose clients are no users any more, ``removed_grace`` after the reload
    that they were found at.

    Args:
        clock: the reactor.
        current: the current generation.
        connection_table: the open connections.
        log: gets how many there are.
    """

    def __init__(
        self,
        clock: IReactorTime,
        current: Current[Generation],
        connection_table: ConnectionTable,
        log: Logger,
    ) -> None:
        self._clock = clock
        self._current = current
        self._connection_table = connection_table
        self._log = log
        self._due: dict[int, float] = {}

    def __repr__(self) -> str:
        return f"<AskingAgain, {len(self._due)} to be ended>"

    def ask(self) -> Deferred[None]:
        """Ask the connections of every inbound that has users, in slices.

        Returns:
            A Deferred that fires when all are asked, and those ended that are to be at once.
        """
        grace = self._current.now.document.removed_grace
        if grace == math.inf or not self._asks():
            self._due.clear()
            return succeed(None)
        return in_turns(self._clock, self._ask(grace or 0.0))

    def _asks(self) -> bool:
        """Whether any inbound has users."""
        return any(
            isinstance(options, AskingOptions) and options.users is not None
            for options in self._current.now.document.inbounds
        )

    def _ask(self, grace: float) -> Generator[None, None, None]:
        removed: list[Connection] = []
        known, self._due = self._due, {}
        due = self._clock.seconds() + grace
        for place, connection in enumerate(self._connection_table.connections(), 1):
            if self._is_removed(connection):
                removed.append(connection)
                if grace:
                    self._due[connection.number] = known.get(connection.number, due)
            if place % _ASKED_AT_ONCE == 0:
                yield
        new = sum(connection.number not in known for connection in removed)
        if new:
            self._log.info(
                "open connections whose clients are no users any more: {count}, ended {when}",
                count=new,
                when=f"in {grace:g} s" if grace else "now",
            )
        if grace and self._due:
            self._clock.callLater(grace, self._end_due)
        elif removed:
            yield from self._end(removed)

    def _end_due(self) -> None:
        """Their time is over, unless a later reload has taken them back."""
        now = self._clock.seconds()
        over = [
            connection
            for connection in self._connection_table.connections()
            if self._due.get(connection.number, math.inf) <= now
        ]
        self._due = {number: due for number, due in self._due.items() if due > now}
        in_turns(self._clock, self._end(over))

    def _end(self, connections: list[Connection]) -> Generator[None, None, None]:
        for place, connection in enumerate(connections, 1):
            if connection.state < Phase.CLOSED and self._is_removed(connection):
                connection.stop(_REASON)
            if place % _ENDED_AT_ONCE == 0:
                yield

    def _is_removed(self, connection: Connection) -> bool:
        client_info = connection.client_info
        now = self._current.now
        inbound = now.inbounds.get(client_info.inbound)
        options = getattr(inbound, "options", None)
        if not isinstance(options, AskingOptions) or options.users is None:
            return False
        address = client_info.address
        identity = client_info.identity or _identity(client_info, connection.client)
        host = None if address is None else address[0]
        return now.users.of(options).find(host, identity) is None


def _identity(client_info: ClientInfo, client: ISide) -> Identity | None:
    """What the system says of a client that has come before its inbound had users. Nothing of one
    that a proxy has named: the peer is the proxy.
    """
    if client_info.source != "unix" and not client_info.source.startswith("pid:"):
        return None
    connected: socket.SocketType | None = getattr(client, "peer_socket", None)
    if (
        not PEER_CREDENTIALS
        or connected is None
        or connected.family != socket.AF_UNIX
        or getattr(connected, "header", None) is not None  # the peer is a proxy
    ):
        return None
    try:
        peer = peer_credentials(connected)
    except OSError:
        return None
    return Identity(peer.uid, peer.gid, other_groups(connected))
