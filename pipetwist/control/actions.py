"""What the control service and the page do with open connections, in the reactor's thread and in
slices: the relay goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Generator

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pipetwist.connection.cause import Cause
from pipetwist.connection.states import Phase
from pipetwist.control.answers import Closed, Reset, Row
from pipetwist.control.ids import ConnectionId
from pipetwist.control.selection import Selection
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.steps import in_turns
from pipetwist.values import quote

__all__ = ["Actions"]

_PIECE = 250  # connections that are looked at in one slice: less than a millisecond
_CLOSED_AT_ONCE = 20  # each has two sides to close, and a line to log


class Actions:
    """Lists and closes connections, and begins quotas anew.

    Args:
        connection_table: has the connections.
        start: when the daemon was started, as in ids.
        log: gets who did what.
    """

    def __init__(self, connection_table: ConnectionTable, start: int, log: Logger) -> None:
        self.start = start
        self._connection_table = connection_table
        self._log = log

    def __repr__(self) -> str:
        return f"<Actions of {self.start}, {self._connection_table}>"

    def slices(self) -> list[list[Connection]]:
        """The connections that are open now, in pieces that `rows` reads at once."""
        connections = self._connection_table.connections()
        return [connections[at : at + _PIECE] for at in range(0, len(connections), _PIECE)]

    def rows(self, connections: list[Connection], selection: Selection) -> list[Row]:
        """What is known of those that are selected, and are open still."""
        now = self._connection_table.clock.seconds()
        return [self._row(one, now) for one in connections if self._is_meant(one, selection, now)]

    def close(self, selection: Selection, who: str) -> Deferred[Closed]:
        """Close what is selected, and log who did it.

        Args:
            selection: which ones.
            who: closes them, for people, on one line.

        Returns:
            A Deferred that fires when they are closing.
        """

        def tell(closed: list[ConnectionId]) -> Closed:
            self._log.info(
                "control: {who} closed {count} connection{s}: {selection}",
                who=who,
                count=len(closed),
                s="" if len(closed) == 1 else "s",
                selection=str(selection),
            )
            return Closed(len(closed), tuple(sorted(selection.ids.difference(closed))))

        closing = in_turns(self._connection_table.clock, self._close(selection, f"closed by {who}"))
        return closing.addCallback(tell)

    def reset_quotas(self, users: Collection[str], who: str) -> Reset:
        """Begin the quotas of users anew, and log who did it.

        Args:
            users: their names.
            who: does it, for people, on one line.
        """
        table = self._connection_table.limits.quotas
        reset = {user: 0 if table is None else table.reset(user) for user in sorted(users)}
        known = [user for user, count in reset.items() if count]
        self._log.info(
            "control: {who} began the quotas of {users} anew",
            who=who,
            users=", ".join(map(quote, known)) or "nobody",
        )
        unknown = tuple(user for user, count in reset.items() if not count)
        return Reset(sum(reset.values()), unknown)

    def _close(
        self, selection: Selection, reason: str
    ) -> Generator[None, None, list[ConnectionId]]:
        found: list[Connection] = []
        closed: list[ConnectionId] = []
        for connections in self.slices():
            now = self._connection_table.clock.seconds()
            found += [one for one in connections if self._is_meant(one, selection, now)]
            yield
        for at in range(0, len(found), _CLOSED_AT_ONCE):
            for connection in found[at : at + _CLOSED_AT_ONCE]:
                if connection.phase < Phase.CLOSED:  # it may have closed meanwhile
                    connection.stop(reason, Cause.CLOSED)
                    closed.append(ConnectionId(connection.number, self.start))
            yield
        return closed

    def _is_meant(self, connection: Connection, selection: Selection, now: float) -> bool:
        return connection.phase < Phase.CLOSED and selection.has(connection, self.start, now)

    def _row(self, connection: Connection, now: float) -> Row:
        client_info, process = connection.client_info, connection.process
        return Row(
            ConnectionId(connection.number, self.start),
            client_info.inbound,
            connection.outbound,
            client_info.user,
            client_info.peer,
            now - connection.began,
            connection.uplink,
            connection.downlink,
            None if process is None else process.pid,
            self._connection_table.limits.held_by(connection),
        )
