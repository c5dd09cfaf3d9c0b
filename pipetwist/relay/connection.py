"""A connection while it is open: one object, which hears of both sides and has done to them what the tables say.

What follows which event stands in `pipetwist.connection.states`; here is how it comes to be known, and how it is done.
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
from pipetwist.connection.states import CLIENT, NOTICED, SERVER, START, TOGETHER, Event, Phase, Transitions, shown, told
from pipetwist.interfaces import IGate, IPassage, ISide, ISideReceiver, OutboundLike
from pipetwist.relay.account import Account, Keeper
from pipetwist.relay.connecting import begin_connecting, why_not
from pipetwist.transfer.causes import describe_error

__all__ = ["Connection"]

_log = Logger()

_BOTH = CLIENT | SERVER
# By the end.
_NAMES = ("", "client", "server")
_CLOSED = ("", "client closed", "server closed")
_CAUSES = (None, Cause.CLIENT, Cause.SERVER)
_READ_ENDED, _HUNG_UP, _LOST, _CUT_OFF = (
    (0, event.at(CLIENT), event.at(SERVER)) for event in (Event.READ_ENDED, Event.HUNG_UP, Event.LOST, Event.CUT_OFF)
)
_CONNECTED, _CONNECT_FAILED, _STOP = (event.at(CLIENT) for event in (Event.CONNECTED, Event.CONNECT_FAILED, Event.STOP))


@implementer(ISideReceiver)
class Connection(Account):
    """Connects an outbound for a client, carries their bytes, and ends.

    Args:
        keeper: see `Account`, as of the rest.
        number: counts connections.
        passage: who it is.
        client: the client's side, its reading paused.
        began: when it was opened.
        gate: what the client has come in by.
    """

    __slots__ = ("_connecting", "_crowded", "_early", "state")

    def __init__(self, keeper: Keeper, number: int, passage: IPassage, client: ISide, began: float, gate: IGate | None = None) -> None:
        Account.__init__(self, keeper, number, passage, client, began, gate)
        self.state = START
        """What `pipetwist.connection.states` goes by."""
        self._connecting: Deferred[None] | None = None
        self._crowded = 0
        self._early: tuple[tuple[ISide, bytes], ...] | None = ()

    def __repr__(self) -> str:
        return f"<Connection #{self.number} {self.visitor.inbound} -> {self.outbound} {shown(self.state)}, {self.client} {self.server}>"

    def name_of(self, side: ISide) -> str:
        """What a side of this connection shows itself as, beside what it is."""
        return f"#{self.number} {_NAMES[CLIENT if side is self.client else SERVER]}"

    @property
    def phase(self) -> Phase:
        """Where it is in its life."""
        return Phase.of(self.state)

    # How it begins.

    def open(self, outbound: OutboundLike) -> None:
        """Connect the outbound, and begin."""
        self.client.attach(self)
        if self.state >= Phase.OPEN:
            return
        connecting = begin_connecting(outbound, self.keeper.clock)
        if not isinstance(connecting, Deferred):
            try:
                self.connected(connecting)
            except Exception:  # noqa: BLE001 - what goes wrong with one connection ends that one
                self._broken(Failure())
            return
        self._connecting = connecting.addCallbacks(self.connected, self._not_connected, errbackArgs=(outbound,))
        self._connecting.addErrback(self._broken)

    def connected(self, server: ISide) -> None:
        """The outbound's side is there."""
        self._connecting = None
        if self.state >= Phase.OPEN:
            server.abort()
            return
        self.server = server
        command = self.command
        if command is not None:
            command.connection = self.number
        if server.notices_loss and self.client.notices_loss:
            self.state |= NOTICED
        if not server.half_closes and not self.client.half_closes:
            self.state |= TOGETHER
        self._hear(_CONNECTED)

    def _not_connected(self, failure: Failure, outbound: OutboundLike) -> None:
        self._connecting = None
        why = why_not(failure, outbound)
        if why is not None:
            self.connect_failed(why)

    def connect_failed(self, cause: str) -> None:
        """The outbound can't be connected."""
        if self.state < Phase.OPEN:
            self._give_reason(f"cannot connect: {cause}", Cause.CONNECT)
            self._hear(_CONNECT_FAILED)

    def _broken(self, failure: Failure) -> None:
        _log.failure("A connection failed in pipetwist itself", failure)
        self.stop(f"internal error: {describe_error(failure.value)}", Cause.INTERNAL)

    # What happens.

    def data_received(self, side: ISide, data: bytes) -> None:
        """See `ISideReceiver`: what comes before both sides are coupled waits until then."""
        early = self._early
        if early is None:
            self._other(side).write(data)
        else:
            self._early = (*early, (side, data))

    def crowded(self, side: ISide) -> None:
        """See `ISideReceiver`: the other side reads nothing more for this one."""
        self._crowded |= CLIENT if side is self.client else SERVER
        if self._early is None:
            self._other(side).pause_reading()

    def relieved(self, side: ISide) -> None:
        """See `ISideReceiver`: the other side reads on."""
        self._crowded &= ~(CLIENT if side is self.client else SERVER)
        if self._early is None:
            self._other(side).resume_reading()

    def read_ended(self, side: ISide) -> None:
        """See `ISideReceiver`."""
        end = CLIENT if side is self.client else SERVER
        self.reason = self.reason or _CLOSED[end]
        self._hear(_READ_ENDED[end])

    def hung_up(self, side: ISide) -> None:
        """See `ISideReceiver`."""
        self._hear(_HUNG_UP[CLIENT if side is self.client else SERVER])

    def lost(self, side: ISide, cause: str, *, whole: bool = False) -> None:
        """See `ISideReceiver`."""
        end = CLIENT if side is self.client else SERVER
        if cause:
            self._give_reason(f"{_NAMES[end]}: {cause}", _CAUSES[end])
        else:
            self.reason = self.reason or _CLOSED[end]
        self._hear(_CUT_OFF[end] if cause and not whole else _LOST[end])

    def expired(self, allowed: float) -> None:
        """See `Watched`."""
        self.stop(f"no byte moved for {allowed:g} s", Cause.INACTIVITY)

    def stop(self, reason: str, cause: Cause = Cause.STOPPED) -> None:
        """End now, whatever is undelivered."""
        self._give_reason(reason, cause)
        self._hear(_STOP)

    def _give_reason(self, reason: str, cause: Cause | None) -> None:
        if self.state < Phase.CLOSED:
            self.reason = f"{self.reason}; {reason}" if self.reason else reason
            self.cause = self.cause or cause

    def _hear(self, event: int) -> None:
        """Do what the tables say."""
        after, steps = self._transitions[self.state | event]
        if self.keeper.levels.debugs:
            self.keeper.log.debug("connection {id}: {event}: {state}", id=self.number, event=told(event), state=shown(after))
        self.state = after
        for end, take in steps:
            if not end:
                take(self)
            elif self.state & end:  # not lost by the step before
                take(self.client if end == CLIENT else self.server)

    # What is done. What is done to a side alone is a method of `ISide`.

    def _cancel_connecting(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()

    def _couple(self) -> None:
        """Carry bytes both ways from now on; two sides of one carrier do it by themselves."""
        client: Any = self.client
        server: Any = self.server
        server.attach(self)
        if self.state & _BOTH != _BOTH:  # it was lost before
            return
        if client.medium is not server.medium:
            message = f"{client.medium.value} can't be carried to {server.medium.value}: give one of the two a framing"
            raise ValueError(message)
        if client.carrier is not None and client.carrier is server.carrier:
            client.carry_to(server)
            server.carry_to(client)
        while self._early:
            (side, data), *later = self._early
            self._early = tuple(later)
            self._other(side).write(data)
        self._early = None
        # What had come early may have been more than a side wants to hold.
        if not self._crowded & SERVER:
            client.resume_reading()
        if not self._crowded & CLIENT:
            server.resume_reading()

    def _finish(self) -> None:
        self.keeper.close(self)

    # What takes a step is called with the connection, or with the side that the step is for.
    _transitions = Transitions[Callable[[Any], object]](
        {
            "cancel_connecting": _cancel_connecting,
            "couple": _couple,
            "finish": _finish,
            "watch_idle": lambda self: self.watch(self.keeper.rounds, self.visitor.timeouts.idle),
            "watch_nothing": lambda self: self.watch(self.keeper.rounds, None),
            "watch_rest": lambda self: self.watch(self.keeper.rounds, self.visitor.timeouts.bound),
            "watch_silence": lambda self: self.watch(self.keeper.rounds, self.visitor.timeouts.half_close),
            **{asked: methodcaller(asked) for asked in ("abort", "break_off", "close", "finish_writing", "hang_up")},
        }
    )

    def _other(self, side: ISide) -> Any:
        return self.server if side is self.client else self.client
