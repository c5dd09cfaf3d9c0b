"""What is known of every connection while it is open, and what is told of it once it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pipetwist.connection.cause import Cause
from pipetwist.connection.inactivity import Rounds
from pipetwist.interfaces import IConnectionObserver, IGate, IPassage, ISide
from pipetwist.logs.levels import LeveledLogger
from pipetwist.relay.account import Account
from pipetwist.relay.connection import Connection
from pipetwist.stats.online import OnlineUsers

__all__ = ["Ledger"]

_LINE = "{id} {inbound} -> {outbound} user={user} peer={peer} {seconds:.3f}s up={uplink} down={downlink}: {reason}"

# As a command's own lines have it.
_LINE_OF_COMMAND = _LINE.replace("{outbound}", "{outbound}[{pid}]")


class Ledger:
    """Keeps the connections that are open, in the order in which they came, and logs a line for each that is over.

    Args:
        clock: counts the time.
        tracks: says which users are seen online.
        online: is told of their connections.
        log: takes the lines, and at the level debug each change of a connection's state.
        over: is told of each that is over.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        tracks: Callable[[str], bool] = lambda _: False,
        online: OnlineUsers | None = None,
        log: Logger,
        over: Callable[[Account], object] = lambda _: None,
    ) -> None:
        self.clock = clock
        self.rounds = Rounds(clock)
        """Watches those on which nothing may move."""
        self.log = log
        """Takes what is to be said of connections."""
        self.levels = LeveledLogger.levels_of(log)
        """Says whether anything is made of it."""
        self.total = 0
        """How many connections there have been."""
        self.closed_uplink = 0
        """Bytes that were read from the clients of those that are over."""
        self.closed_downlink = 0
        """Bytes that were written to the clients of those that are over."""
        self._tracks = tracks
        self._online = online
        self._over = over
        self._open: dict[Account, Connection] = {}
        self._observers: tuple[IConnectionObserver, ...] = ()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __repr__(self) -> str:
        return f"<Ledger {len(self._open)} open of {self.total}>"

    def connections(self) -> list[Connection]:
        """Those that are open now."""
        return list(self._open.values())

    def observe(self, observer: IConnectionObserver) -> None:
        """Tell somebody of every connection from now on."""
        self._observers = (*self._observers, observer)

    def turned_away(self, inbound: str, cause: Cause) -> None:
        """Somebody did not get in."""
        for observer in self._observers:
            observer.turned_away(inbound, cause)

    def open(self, passage: IPassage, client: ISide, gate: IGate | None = None) -> Connection:
        """A connection begins; it is still to be opened."""
        self.total += 1
        connection = Connection(self, self.total, passage, client, self.clock.seconds(), gate)
        self._open[connection] = connection
        visitor = connection.visitor
        for observer in self._observers:
            observer.opened(visitor.inbound, connection.outbound)
        user = visitor.user
        if user is not None and self._online is not None and self._tracks(user):
            connection.seen_online = True
            self._online.opened(user, visitor.source)
        return connection

    def close(self, account: Account) -> None:
        """See `Keeper`."""
        visitor: Any = account.visitor
        client = account.client
        seconds = self.clock.seconds() - account.began
        dropped = account.dropped
        if dropped:
            account.reason += f"; {dropped} datagrams dropped"
        for observer in self._observers:
            observer.closed(visitor.inbound, account.outbound, seconds, account.cause, dropped)
        self.closed_uplink += client.received
        self.closed_downlink += client.delivered
        if account.seen_online and self._online is not None:
            self._online.closed(visitor.user, visitor.source)
        if self.levels.infos:
            self._log_line(account, seconds)
        del self._open[account]
        if not self._open:
            self.rounds.rest()
        self._over(account)

    def _log_line(self, account: Account, seconds: float) -> None:
        visitor, command = account.visitor, account.command
        of_command = {} if command is None else {"pid": command.pid}
        self.log.info(
            _LINE if command is None else _LINE_OF_COMMAND,
            id=account.number,
            inbound=visitor.inbound,
            outbound=account.outbound,
            **of_command,
            user=visitor.user or "-",
            peer=visitor.peer,
            seconds=seconds,
            uplink=account.uplink,
            downlink=account.downlink,
            reason=account.reason,
        )
