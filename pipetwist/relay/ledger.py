"""What is known of every connection while it is open, and what is told of it once it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pipetwist.connection.cause import Cause
from pipetwist.connection.visitor import Visitor
from pipetwist.interfaces import ICommand, IConnectionObserver, IPassage, ISide
from pipetwist.stats.online import OnlineUsers

__all__ = ["Account", "Ledger"]

_LINE = "{id} {inbound} -> {outbound} user={user} peer={peer} {seconds:.3f}s up={uplink} down={downlink}: {reason}"

# As a command's own lines have it.
_LINE_OF_COMMAND = _LINE.replace("{outbound}", "{outbound}[{pid}]")


class Account:
    """One connection.

    Args:
        number: counts connections from 1 since the start.
        passage: who it is, and where it goes.
        client: the client's side, whose figures are the connection's.
        began: when it was opened, in the ledger's clock's seconds.
    """

    __slots__ = ("began", "client", "number", "outbound", "seen_online", "visitor")

    def __init__(self, number: int, passage: IPassage, client: ISide, began: float) -> None:
        self.number = number
        self.visitor: Visitor = passage.visitor
        self.outbound: str = passage.outbound.tag
        self.client = client
        self.began = began
        self.seen_online = False

    @property
    def uplink(self) -> int:
        """Bytes read from the client so far."""
        return self.client.received

    @property
    def downlink(self) -> int:
        """Bytes written to the client so far."""
        return self.client.delivered


class Ledger:
    """Keeps an account of each open connection, in the order in which they came, and logs a line for each that is over.

    Args:
        clock: counts the time.
        tracks: says which users are seen online.
        online: is told of their connections.
        log: takes the lines.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        tracks: Callable[[str], bool] = lambda _: False,
        online: OnlineUsers | None = None,
        log: Logger,
    ) -> None:
        self.clock = clock
        self.total = 0
        """How many connections there have been."""
        self.closed_uplink = 0
        """Bytes that were read from the clients of those that are over."""
        self.closed_downlink = 0
        """Bytes that were written to the clients of those that are over."""
        self._tracks = tracks
        self._online = online
        self._log = log
        self._open: dict[Account, None] = {}
        self._observers: tuple[IConnectionObserver, ...] = ()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def accounts(self) -> list[Account]:
        """Those that are open now."""
        return list(self._open)

    def observe(self, observer: IConnectionObserver) -> None:
        """Tell somebody of every connection from now on."""
        self._observers = (*self._observers, observer)

    def turned_away(self, inbound: str, cause: Cause) -> None:
        """Somebody did not get in."""
        for observer in self._observers:
            observer.turned_away(inbound, cause)

    def open(self, passage: IPassage, client: ISide) -> Account:
        """A connection begins."""
        self.total += 1
        account = Account(self.total, passage, client, self.clock.seconds())
        self._open[account] = None
        for observer in self._observers:
            observer.opened(account.visitor.inbound, account.outbound)
        user = account.visitor.user
        if user is not None and self._online is not None and self._tracks(user):
            account.seen_online = True
            self._online.opened(user, account.visitor.source)
        return account

    def close(self, account: Account, reason: str, cause: Cause | None = None, dropped: int = 0, command: ICommand | None = None) -> None:
        """A connection is over.

        Args:
            account: its own.
            reason: why, for people.
            cause: what came in its way; None where it went well.
            dropped: datagrams that either side has dropped.
            command: what it was with; None where that was no command.
        """
        visitor: Any = account.visitor
        seconds = self.clock.seconds() - account.began
        for observer in self._observers:
            observer.closed(visitor.inbound, account.outbound, seconds, cause, dropped)
        self.closed_uplink += account.uplink
        self.closed_downlink += account.downlink
        if account.seen_online and self._online is not None:
            self._online.closed(visitor.user, visitor.source)
        of_command = {} if command is None else {"pid": command.pid}
        self._log.info(
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
            reason=reason,
        )
        del self._open[account]
