"""A connection whose ends are the test's: what it does to them is told to somebody, and mostly only
written down.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.connection.inactivity import IdleChecker
from pipetwist.connection.states import CLIENT, SERVER, Phase
from pipetwist.interfaces import ISide, ISideReceiver, Medium
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound

__all__ = ["NAMES", "Machine", "RecordingEffects"]

NAMES = {CLIENT: "client", SERVER: "server"}


class RecordingEffects:
    """Keeps what is done, in order, as one line each."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def new(self) -> list[str]:
        """What was done since the last call."""
        asked, self.asked = self.asked, []
        return asked

    def cancel_connecting(self) -> None:
        """Connecting is given up."""
        self.asked.append("cancel_connecting")

    def start_transfer(self) -> None:
        """Bytes move in both directions."""
        self.asked.append("start_transfer")

    def write_eof(self, end: int) -> None:
        self.asked.append(f"write_eof {NAMES[end]}")

    def close(self, end: int) -> None:
        self.asked.append(f"close {NAMES[end]}")

    def disconnect(self, end: int) -> None:
        self.asked.append(f"disconnect {NAMES[end]}")

    def close_with_error(self, end: int) -> None:
        self.asked.append(f"close_with_error {NAMES[end]}")

    def abort(self, end: int) -> None:
        self.asked.append(f"abort {NAMES[end]}")

    def watch(self, seconds: float | None) -> None:
        """It is watched for so long a silence; None if it is not any more."""
        self.asked.append(f"watch {seconds}")

    def finished(self, reason: str) -> None:
        """The connection is over."""
        self.asked.append(f"finished {reason}")


@implementer(ISide)
class _Side:
    """A side that says what it is asked."""

    process = None
    half_closes = True
    medium = Medium.STREAM
    carrier = None
    received = delivered = moved = dropped = 0

    def __init__(self, effects: Any, end: int) -> None:
        self._effects = effects
        self._end = end
        self.notices_loss = False

    def attach(self, receiver: ISideReceiver) -> None:
        """See `ISide`; the server's is attached when bytes are to move."""
        if self._end == SERVER:
            self._effects.start_transfer()

    def write(self, data: bytes) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def write_eof(self) -> None:
        self._effects.write_eof(self._end)

    def close(self) -> None:
        self._effects.close(self._end)

    def disconnect(self) -> None:
        self._effects.disconnect(self._end)

    def close_with_error(self) -> None:
        self._effects.close_with_error(self._end)

    def abort(self) -> None:
        self._effects.abort(self._end)


class _Watched(Connection):
    """A connection that says what it is watched for."""

    __slots__ = ("effects",)

    effects: Any

    def watch(self, idle_checker: IdleChecker, allowed: float | None) -> None:
        self.effects.watch(allowed)


class Machine:
    """A connection that hears what the test says of its ends.

    Args:
        effects: is told of what is done, by the methods of `RecordingEffects`.
        timeouts: how long it may go on without a byte, and whether its client closes whole.
        closes_whole: whether its server does.
    """

    def __init__(self, effects: Any, timeouts: Timeouts, *, closes_whole: bool = False) -> None:
        self._effects = effects
        self._closes_whole = closes_whole
        self._sides = {end: _Side(effects, end) for end in NAMES}
        connection_table = ConnectionTable(
            Clock(),
            log=Logger(observer=LogPublisher()),
            over=lambda connection: effects.finished(connection.reason),
        )
        route = Route(ClientInfo("in", "peer", "source", None, timeouts), FakeOutbound(), None)
        connection = self.connection = _Watched(
            connection_table, 1, route, self._sides[CLIENT], 0.0
        )
        connection.effects = effects
        connection_table._open[connection] = connection

    @property
    def phase(self) -> Phase:
        """Where it is in its life."""
        return self.connection.phase

    @property
    def reason(self) -> str:
        """Why it has ended."""
        return self.connection.reason

    @property
    def cause(self) -> Cause | None:
        """What came in its way."""
        return self.connection.cause

    def connecting(self) -> None:
        """The outbound is being connected."""
        outbound: Any = FakeOutbound()
        connecting: Deferred[ISide] = Deferred(lambda _: self._effects.cancel_connecting())
        outbound.connect = lambda: connecting
        outbound.half_close = not self._closes_whole
        self.connection.open(outbound)

    def connected(self, *, losses_are_noticed: bool = False, half_closes: bool = True) -> None:
        """The outbound is there."""
        for side in self._sides.values():
            side.notices_loss = losses_are_noticed
            side.half_closes = half_closes
        if self.phase is Phase.CONNECTING:
            self.connection.connected(self._sides[SERVER])

    def connect_failed(self, cause: str) -> None:
        """The outbound can't be connected."""
        self.connection.connect_failed(cause)

    def read_ended(self, end: int) -> None:
        """Everything that this end had to send was read."""
        self.connection.read_ended(self._sides[end])

    def peer_closed(self, end: int) -> None:
        """The peer at this end has gone."""
        self.connection.peer_closed(self._sides[end])

    def lost(self, end: int, cause: str, *, whole: bool = False) -> None:
        """This end is over."""
        self.connection.lost(self._sides[end], cause, whole=whole)

    def inactive(self, seconds: float) -> None:
        """No byte has moved for so long."""
        self.connection.expired(seconds)

    def stop(self, reason: str, cause: Cause = Cause.STOPPED) -> None:
        """It is to end now."""
        self.connection.stop(reason, cause)
