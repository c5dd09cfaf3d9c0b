"""An open connection: one object, which receives the events of both sides and takes the steps that
the tables say.

`pipetwist.connection.states` has what each event leads to; this module receives the events and
carries the steps out.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.state_text import shown, told
from pipetwist.connection.states import (
    CLIENT,
    NOTICED,
    SERVER,
    START,
    TOGETHER,
    Event,
    Phase,
    gone,
    holds_server_end,
)
from pipetwist.connection.transitions import Transitions
from pipetwist.interfaces import IClient, IGate, IRoute, ISide, ISideReceiver, OutboundLike
from pipetwist.relay.connect_retry import Retrying
from pipetwist.relay.connecting import begin_connecting, connect_failure_text, ends_closing_whole
from pipetwist.relay.record import WATCHES, ConnectionRecord, RecordOwner
from pipetwist.transfer.deferreds import is_deferred
from pipetwist.transfer.loss_reasons import describe_error

__all__ = ["Connection"]

_log = Logger()

_BOTH = CLIENT | SERVER
_NAMES = ("", "client", "server")  # these three are by the end
_CLOSED = ("", "client closed", "server closed")
_CAUSES = (None, Cause.CLIENT, Cause.SERVER)
_READ_ENDED, _PEER_CLOSED, _LOST, _TRUNCATED = (
    (0, event.at(CLIENT), event.at(SERVER))
    for event in (Event.READ_ENDED, Event.PEER_CLOSED, Event.LOST, Event.TRUNCATED)
)
_CONNECTED, _CONNECT_FAILED, _STOP, _EXPIRED = (
    event.at(CLIENT) for event in (Event.CONNECTED, Event.CONNECT_FAILED, Event.STOP, Event.EXPIRED)
)


@implementer(ISideReceiver, IClient)
class Connection(ConnectionRecord):
    """Connects an outbound for a client, moves bytes both ways, and closes.

    Args:
        owner: see `ConnectionRecord`.
        number: the connection's number.
        route: the client's route.
        client: the client's side, with reading paused.
        began: when it was opened.
        gate: the gate that admitted the client.
    """

    __slots__ = ("_connecting", "_early", "_full", "state")

    def __init__(
        self,
        owner: RecordOwner,
        number: int,
        route: IRoute,
        client: ISide,
        began: float,
        gate: IGate | None = None,
    ) -> None:
        ConnectionRecord.__init__(self, owner, number, route, client, began, gate)
        self.state = START
        """The state, as `pipetwist.connection.states` has it."""
        self._connecting: Deferred[None] | None = None
        self._full = 0
        self._early: tuple[tuple[ISide, bytes], ...] | None = ()

    def __repr__(self) -> str:
        return (
            f"<Connection #{self.number} {self.client_info.inbound} -> {self.outbound} "
            f"{shown(self.state)}, {self.client} {self.server}>"
        )

    def name_of(self, side: ISide) -> str:
        """The name of one of its sides, for the side's ``repr``."""
        return f"#{self.number} {_NAMES[CLIENT if side is self.client else SERVER]}"

    @property
    def phase(self) -> Phase:
        """The phase that it is in."""
        return Phase.of(self.state)

    # The start.

    def open(self, outbound: OutboundLike) -> None:
        """Connect the outbound, and start."""
        self.client.attach(self)
        if self.state >= Phase.OPEN:
            return
        if not getattr(outbound, "half_close", True) or self.client_info.timeouts.closes_whole:
            self.state |= ends_closing_whole(outbound, self.client_info.timeouts)
        connecting = begin_connecting(outbound, self.owner.clock, self)
        if not is_deferred(connecting):
            try:
                self.connected(connecting)
            except Exception:  # noqa: BLE001 - what goes wrong with one connection ends that one
                self._broken(Failure())
            return
        self._connecting = connecting.addCallbacks(
            self.connected, self._not_connected, errbackArgs=(outbound,)
        )
        self._connecting.addErrback(self._broken)
        if isinstance(connecting, Retrying) and self.state < Phase.OPEN:
            # From this call on the side notices that its peer has gone.
            self.client.pause_reading()
            if self.state & gone(CLIENT):
                self._client_has_gone()

    def connected(self, server: ISide) -> None:
        """The outbound's side is there."""
        self._connecting = None
        if self.state >= Phase.OPEN:
            server.abort()
            return
        self.server = server
        process = getattr(server, "process", None)  # others' sides may lack it
        if process is not None:
            process.connection = self.number
        if server.notices_loss and self.client.notices_loss:
            self.state |= NOTICED
        if not server.half_closes and not self.client.half_closes:
            self.state |= TOGETHER
        self._hear(_CONNECTED)

    def _not_connected(self, failure: Failure, outbound: OutboundLike) -> None:
        self._connecting = None
        why = connect_failure_text(failure, outbound)
        if why is not None:
            self.connect_failed(why)

    def connect_failed(self, reason: str) -> None:
        """The outbound can't be connected."""
        if self.state < Phase.OPEN:
            self._give_reason(f"cannot connect: {reason}", Cause.CONNECT)
            self._hear(_CONNECT_FAILED)

    def stop_retrying(self, why: str) -> None:
        """If the outbound is not connected yet, make no other attempt."""
        if isinstance(self._connecting, Retrying):
            self._connecting.stop_retrying(why)

    def _broken(self, failure: Failure) -> None:
        _log.failure("A connection failed in pipetwist itself", failure)
        self.stop(f"internal error: {describe_error(failure.value)}", Cause.INTERNAL)

    # Events.

    def data_received(self, side: ISide, data: bytes) -> None:
        """See `ISideReceiver`: data that arrives before both sides are coupled is kept until
        then.
        """
        early = self._early
        if early is None:
            self._other(side).write(data)
        else:
            self._early = (*early, (side, data))

    def pause_writing(self, side: ISide) -> None:
        """See `ISideReceiver`: pauses reading from the other side."""
        self._full |= CLIENT if side is self.client else SERVER
        if self._early is None:
            self._other(side).pause_reading()

    def resume_writing(self, side: ISide) -> None:
        """See `ISideReceiver`: resumes reading from the other side."""
        self._full &= ~(CLIENT if side is self.client else SERVER)
        if self._early is None:
            self._other(side).resume_reading()

    def has_paused(self, side: ISide) -> bool:
        """Whether reading from a side is paused, since the other one is full."""
        return bool(self._full & (SERVER if side is self.client else CLIENT))

    def read_ended(self, side: ISide) -> None:
        end = CLIENT if side is self.client else SERVER
        self.reason = self.reason or _CLOSED[end]
        self._hear(_READ_ENDED[end])

    def peer_closed(self, side: ISide) -> None:
        self._hear(_PEER_CLOSED[CLIENT if side is self.client else SERVER])

    def lost(self, side: ISide, reason: str, *, whole: bool = False) -> None:
        end = CLIENT if side is self.client else SERVER
        if reason:
            self._give_reason(f"{_NAMES[end]}: {reason}", _CAUSES[end])
        else:
            self.reason = self.reason or _CLOSED[end]
        self._hear(_TRUNCATED[end] if reason and not whole else _LOST[end])

    def expired(self, allowed: float) -> None:
        if not holds_server_end(self.state):
            self._give_reason(f"no byte moved for {allowed:g} s", Cause.INACTIVITY)
        self._hear(_EXPIRED)

    def stop(self, reason: str, cause: Cause = Cause.STOPPED) -> None:
        """Close now, and drop what is not delivered yet."""
        self._give_reason(reason, cause)
        self._hear(_STOP)

    def _give_reason(self, reason: str, cause: Cause | None) -> None:
        if self.state < Phase.CLOSED:
            self.reason = f"{self.reason}; {reason}" if self.reason else reason
            self.cause = self.cause or cause

    def _hear(self, event: int) -> None:
        """Look the event up in the tables, and take the steps."""
        after, steps = self._transitions[self.state | event]
        if self.owner.levels.debugs:
            self.owner.log.debug(
                "connection {id}: {event}: {state}",
                id=self.number,
                event=told(event),
                state=shown(after),
            )
        self.state = after
        for end, take in steps:
            if not end:
                take(self)
            elif self.state & end:  # not lost by the step before
                take(self.client if end == CLIENT else self.server)

    # The connection's own steps. A step that concerns one side is a method of `ISide`.

    def _client_has_gone(self) -> None:
        self.stop_retrying("the client has gone")

    def _cancel_connecting(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()

    def _couple(self) -> None:
        """Move bytes both ways from now on. Two sides with the same carrier do it by themselves."""
        client: Any = self.client  # an IDescriptorSide if the carriers are the same
        server: Any = self.server  # the same, and set by now
        server.attach(self)
        if self.state & _BOTH != _BOTH:  # it was lost before
            return
        if client.medium is not server.medium:
            message = (
                f"{client.medium.value} can't be carried to {server.medium.value}: give one of "
                "the two a framing"
            )
            raise ValueError(message)
        if client.carrier is not None and client.carrier is server.carrier:
            client.carry_to(server)
            server.carry_to(client)
        while self._early:
            (side, data), *later = self._early
            self._early = tuple(later)
            self._other(side).write(data)
        self._early = None
        # The early data may have filled a side's buffer.
        if not self._full & SERVER:
            client.resume_reading()
        if not self._full & CLIENT:
            server.resume_reading()

    def _finish(self) -> None:
        self.owner.close(self)

    # Each step is called with the connection, or with the side that it concerns.
    _transitions = Transitions[Callable[[Any], object]](  # Any: a connection or a side
        {
            "cancel_connecting": _cancel_connecting,
            "stop_retrying": _client_has_gone,
            "couple": _couple,
            "finish": _finish,
            **WATCHES,
            **{
                asked: methodcaller(asked)
                for asked in ("abort", "close_with_error", "close", "write_eof", "disconnect")
            },
        }
    )

    def _other(self, side: ISide) -> Any:  # an ISide: no step is taken before it exists
        return self.server if side is self.client else self.client
