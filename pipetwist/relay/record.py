"""What is known of a connection: its client, its outbound, its figures and why it closed. The log
and the page read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.inactivity import IdleChecker, Watched
from pipetwist.interfaces import IConnectionRecord, IGate, IProcess, IRoute, ISide
from pipetwist.limits.limit_table import LimitTable
from pipetwist.logs.levels import LeveledLogger

__all__ = ["WATCHES", "ConnectionRecord", "RecordOwner"]


@implementer(IConnectionRecord)
class ConnectionRecord(Watched):
    """What every connection has.

    Args:
        owner: keeps it while it is open.
        number: counts connections from 1 since the start.
        route: the client and the outbound.
        client: the client's side, whose figures are the connection's.
        began: when it was opened, in seconds of the owner's clock.
        gate: the gate that admitted the client; None if there was none.
    """

    __slots__ = (
        "began",
        "cause",
        "client",
        "client_info",
        "gate",
        "number",
        "outbound",
        "owner",
        "reason",
        "route",
        "seen_online",
        "server",
    )

    def __init__(
        self,
        owner: RecordOwner,
        number: int,
        route: IRoute,
        client: ISide,
        began: float,
        gate: IGate | None = None,
    ) -> None:
        Watched.__init__(self)
        self.owner = owner
        self.number = number
        self.route = route
        self.client_info = route.client_info
        self.outbound: str = route.outbound.tag
        """The outbound's tag."""
        self.gate = gate
        self.began = began
        self.seen_online = False
        """Whether its user is shown as online because of it."""
        self.client = client
        self.server: ISide | None = None
        """The outbound's side; None until it is connected."""
        self.reason = ""
        """Why it closes or has closed, for people: the first reason, and later errors."""
        self.cause: Cause | None = None
        """Why it failed; None if it did not."""

    @property
    def side(self) -> ISide:
        """See `pipetwist.interfaces.IClient`."""
        return self.client

    @property
    def uplink(self) -> int:
        """Bytes read from the client so far."""
        return self.client.received

    @property
    def downlink(self) -> int:
        """Bytes written to the client so far."""
        return self.client.delivered

    @property
    def moved(self) -> int:
        return self.client.moved if self.server is None else self.client.moved + self.server.moved

    @property
    def dropped(self) -> int:
        """Datagrams that either side has dropped."""
        return (
            self.client.dropped
            if self.server is None
            else self.client.dropped + self.server.dropped
        )

    @property
    def process(self) -> IProcess | None:
        """The command that the client is connected to; None if it is not a command, or not
        connected yet.
        """
        # The sides of other programs may lack this attribute.
        return getattr(self.server, "process", None)


class RecordOwner(Protocol):
    """The keeper of the open connections.

    Attributes:
        clock: counts the time.
        idle_checker: checks the connections that have an idle time-out.
        levels: the levels that are logged.
        limits: what connections are limited by.
        log: where connections log.
    """

    clock: IReactorTime
    idle_checker: IdleChecker
    levels: LeveledLogger
    limits: LimitTable
    log: Logger

    def close(self, record: ConnectionRecord) -> None:
        """A connection has closed. Called once for each."""


# Written out, since getting an attribute by its name takes longer.
WATCHES: Mapping[str, Callable[[ConnectionRecord], None]] = {
    "watch_idle": lambda record: record.watch(
        record.owner.idle_checker, record.client_info.timeouts.idle
    ),
    "watch_moment": lambda record: record.watch(
        record.owner.idle_checker, record.client_info.timeouts.moment
    ),
    "watch_nothing": lambda record: record.watch(record.owner.idle_checker, None),
    "watch_rest": lambda record: record.watch(
        record.owner.idle_checker, record.client_info.timeouts.bound
    ),
    "watch_silence": lambda record: record.watch(
        record.owner.idle_checker, record.client_info.timeouts.half_close
    ),
}
"""The steps that watch a connection for one of the time-outs of its client, or for none."""
