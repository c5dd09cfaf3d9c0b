"""The open connections, and what is logged and reported when one opens or closes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from pipetwist.connection.cause import Cause
from pipetwist.connection.inactivity import IdleChecker
from pipetwist.interfaces import IConnectionObserver, IGate, IRoute, ISide
from pipetwist.limits.limit_table import LimitTable
from pipetwist.limits.limits import Limits
from pipetwist.logs.levels import LeveledLogger
from pipetwist.logs.plain_format import PlainFormat
from pipetwist.relay.connection import Connection
from pipetwist.relay.limited_connection import LimitedConnection
from pipetwist.relay.record import ConnectionRecord
from pipetwist.stats.online import OnlineUsers
from pipetwist.steps import at_once, in_turns

__all__ = ["ConnectionTable"]

_LINE = PlainFormat(
    "{id:d} {inbound} -> {outbound} user={user} peer={peer} {seconds:.3f}s up={uplink:d} "
    "down={downlink:d}: {reason}"
)

# So many connections come under other limits before the reactor does something else; to end one
# takes as long as that of so many, since each has two sides to close, and a line to log.
_LIMITED_AT_ONCE = 100
_DISMISSING_STEPS = 5

# As a command's own lines have it.
_LINE_OF_COMMAND = PlainFormat(_LINE.replace("{outbound}", "{outbound}[{pid:d}]"))


class ConnectionTable:
    """Keeps the open connections, in the order in which they were opened, and logs a line when one
    has closed.

    Args:
        clock: counts the time.
        tracks: whether a user is shown as online.
        online: gets the connections of those users.
        log: gets the lines, and at the level debug each change of a connection's state.
        over: is called with each connection that has closed.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        tracks: Callable[[str], bool] = lambda _: False,
        online: OnlineUsers | None = None,
        log: Logger,
        over: Callable[[ConnectionRecord], object] = lambda _: None,
    ) -> None:
        self.clock = clock
        self.idle_checker = IdleChecker(clock)
        """Checks the connections that have an idle time-out."""
        self.log = log
        """Where connections log."""
        self.levels = LeveledLogger.levels_of(log)
        """The levels that are logged."""
        self.total = 0
        """How many connections there have been."""
        self.closed_uplink = 0
        """Bytes that were read from the clients of closed connections."""
        self.closed_downlink = 0
        """Bytes that were written to the clients of closed connections."""
        self.limits = LimitTable(clock, log)
        """What connections are limited by."""
        self._kind: type[Connection] = Connection
        self._tracks = tracks
        self._online = online
        self._over = over
        self._open: dict[ConnectionRecord, Connection] = {}
        # The users whose connections are looked at again; whether they have to be once more.
        self._looked_at: dict[str, bool] = {}
        self._observers: tuple[IConnectionObserver, ...] = ()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __repr__(self) -> str:
        return f"<ConnectionTable {len(self._open)} open of {self.total}>"

    def connections(self) -> list[Connection]:
        """Those that are open now."""
        return list(self._open.values())

    def limit(self, limits: Limits) -> None:
        """From now on these limits hold, for the open connections too."""
        at_once(self.limiting(limits))

    def limiting(self, limits: Limits) -> Generator[None, None, None]:
        """As `limit`, in small steps: new connections come under these limits first, and the open
        ones one after the other.
        """
        if limits == self.limits.current:
            return
        self._kind = LimitedConnection  # whoever comes meanwhile is counted as well
        for connection in self._in_steps():
            if connection is None:
                yield
            elif not isinstance(connection, LimitedConnection):
                this: Any = connection  # mypy has an object's class unchangeable
                this.__class__ = LimitedConnection  # both have the same slots
                self.limits.admission.adopt(this)
        yield from self.limits.configuring(limits)
        if not limits.anything:
            self._kind = Connection
        for connection in self._in_steps():
            if connection is None:
                yield
                continue
            self.limits.limit(connection, since_start=False)
            if not limits.anything:
                one: Any = connection  # mypy has an object's class unchangeable
                self.limits.leave(one)
                one.__class__ = Connection

    def _in_steps(self) -> Iterator[Connection | None]:
        """Those that are open now, as far as they still are when it is their turn; after some of
        them None.
        """
        for place, connection in enumerate(self.connections(), 1):
            if connection in self._open:
                yield connection
            if place % _LIMITED_AT_ONCE == 0:
                yield None

    def look_again(self, users: Collection[str]) -> None:
        """What these users have is used up, or not any more. Their rates change at once; their
        connections come under others, or end, in small steps.
        """
        self.limits.look_again(users)
        # Each that moves meanwhile tells of its user again.
        for user in self._looked_at.keys() & set(users):
            self._looked_at[user] = True
        others = frozenset(users) - self._looked_at.keys()
        if others:
            self._looked_at.update(dict.fromkeys(others, False))
            in_turns(self.clock, self._looking_again(others))

    def _looking_again(self, users: frozenset[str]) -> Generator[None, None, None]:
        steps = 0
        try:
            for connection in self.connections():
                user = connection.client_info.user
                if user not in users or connection not in self._open:
                    continue
                refusal = self.limits.admission.spent(user)
                if refusal is None:
                    self.limits.limit(connection, since_start=False)
                    steps += 1
                else:
                    limited: Any = connection  # all are of that class where there are quotas
                    limited.dismiss(refusal)
                    steps += _DISMISSING_STEPS
                if steps >= _LIMITED_AT_ONCE:
                    yield
                    steps = 0
        finally:
            again = [user for user in users if self._looked_at.pop(user)]
        if again:
            self.look_again(again)

    def observe(self, observer: IConnectionObserver) -> None:
        """Report every connection to this observer from now on."""
        self._observers = (*self._observers, observer)

    def rejected(self, inbound: str, cause: Cause) -> None:
        """A client was rejected."""
        for observer in self._observers:
            observer.rejected(inbound, cause)

    def open(self, route: IRoute, client: ISide, gate: IGate | None = None) -> Connection:
        """Add a connection. The caller opens it."""
        self.total += 1
        connection = self._kind(self, self.total, route, client, self.clock.seconds(), gate)
        self._open[connection] = connection
        client_info = connection.client_info
        for observer in self._observers:
            observer.opened(connection)
        user = client_info.user
        if user is not None and self._online is not None and self._tracks(user):
            connection.seen_online = True
            self._online.opened(user, client_info.source)
        return connection

    def close(self, record: ConnectionRecord) -> None:
        client = record.client
        seconds = self.clock.seconds() - record.began
        dropped = record.dropped
        if dropped:
            record.reason += f"; {dropped} datagrams dropped"
        for observer in self._observers:
            observer.closed(record, seconds)
        self.closed_uplink += client.received
        self.closed_downlink += client.delivered
        if record.seen_online and self._online is not None:
            client_info: Any = record.client_info  # it has a user
            self._online.closed(client_info.user, client_info.source)
        if self.levels.infos:
            self._log_line(record, seconds)
        del self._open[record]
        if not self._open:
            self.idle_checker.rest()
        self._over(record)

    def _log_line(self, record: ConnectionRecord, seconds: float) -> None:
        client_info, client, process = record.client_info, record.client, record.process
        event = {
            "id": record.number,
            "inbound": client_info.inbound,
            "outbound": record.outbound,
            "user": client_info.user or "-",
            "peer": client_info.peer,
            "seconds": seconds,
            "uplink": client.received,
            "downlink": client.delivered,
            "reason": record.reason,
            "log_format": _LINE,
        }
        if process is not None:
            event["pid"] = process.pid
            event["log_format"] = _LINE_OF_COMMAND
        self.levels.tell(LogLevel.info, event)
