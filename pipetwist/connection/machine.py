"""The state machine of one connection. It does no I/O: it hears what happened and says what to do.

What it holds to:

- an end of file on one end travels to the other, after everything read before it, and the opposite direction goes on;
- an end that is lost takes the other with it, which first gets everything that was read;
- an end that was cut off, or that could never be connected, cuts the other off: nobody takes a part for the whole;
- a connection ends once both ends are lost, for the reason that came first, with any trouble that came later;
- inactivity is bounded: by the inbound's wish while both directions are open, and once one has ended, unless the death of either peer is
  noticed: then who works in silence has all the time that it takes.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from pipetwist.connection.cause import Cause
from pipetwist.connection.end import End
from pipetwist.connection.visitor import Timeouts

if TYPE_CHECKING:
    from pipetwist.interfaces import IConnectionEffects

__all__ = ["ConnectionMachine", "End", "Phase"]


class Phase(Enum):
    """Where a connection is in its life."""

    ACCEPTED = "accepted"
    CONNECTING = "connecting"
    OPEN = "open"
    HALF_CLOSED = "half-closed"
    CLOSING = "closing"
    CLOSED = "closed"


class ConnectionMachine:
    """Decides what happens to one connection.

    Args:
        effects: carries out what the machine decides; may tell it of the consequences at once.
        timeouts: how long it may go on without a byte.
    """

    __slots__ = ("_bound", "_effects", "_half_close", "_hung_up", "_present", "_sending", "_timeouts", "cause", "phase", "reason")

    def __init__(self, effects: IConnectionEffects, timeouts: Timeouts) -> None:
        self._effects: Any = effects
        self._timeouts = timeouts
        self._bound = timeouts.bound
        self._half_close: float | None = self._bound
        self._present = {End.CLIENT}
        self._sending = {End.CLIENT}
        self._hung_up: set[End] = set()
        self.phase = Phase.ACCEPTED
        self.reason = ""
        self.cause: Cause | None = None

    def connecting(self) -> None:
        """The outbound is being connected."""
        self.phase = Phase.CONNECTING

    def connected(self, *, losses_are_noticed: bool = False) -> None:
        """The outbound is there; does nothing where the client did not wait for it.

        Args:
            losses_are_noticed: whether the death of either peer always is.
        """
        if self.phase is not Phase.CONNECTING:
            return
        if losses_are_noticed:
            self._half_close = self._timeouts.half_close
        self.phase = Phase.OPEN
        self._present.add(End.SERVER)
        self._sending.add(End.SERVER)
        self._effects.start_transfer()
        if self.phase is Phase.OPEN:
            self._effects.watch(self._bound if self._hung_up else self._timeouts.idle)

    def connect_failed(self, cause: str) -> None:
        """The outbound can't be connected; does nothing where the client did not wait for it."""
        if self.phase is Phase.CONNECTING:
            self._give_reason(f"cannot connect: {cause}", Cause.CONNECT)
            self.phase = Phase.CLOSING
            self._effects.watch(self._bound)
            # Closed in order it would look like a server that has nothing to say.
            self._effects.break_off(End.CLIENT)

    def read_ended(self, end: End) -> None:
        """Everything that this end had to send was read."""
        if end not in self._sending:
            return
        self._sending.discard(end)
        if self.phase is Phase.CLOSING:
            return
        if not self.reason:
            self._give_reason(f"{end.value} closed")
        if end.other in self._sending:
            self.phase = Phase.HALF_CLOSED
            self._effects.watch(self._bound if self._hung_up else self._half_close)
            self._effects.finish_writing(end.other)
            if end in self._hung_up and end in self._present:
                self._effects.abort(end)
        else:
            self._close(end.other, end)

    def hung_up(self, end: End) -> None:
        """The peer at this end has gone entirely; what it sent before may still be unread."""
        if end not in self._present or self.phase is Phase.CLOSING:
            return
        self._hung_up.add(end)
        if end in self._sending:
            self._effects.watch(self._bound)
        else:
            self._effects.abort(end)

    def lost(self, end: End, cause: str, *, whole: bool = False) -> None:
        """This end is over, both ways.

        Args:
            end: which.
            cause: what went wrong there; empty where nothing did.
            whole: whether what it has sent is whole in spite of that.
        """
        if self.phase is Phase.CLOSED:
            return
        self._present.discard(end)
        self._sending.discard(end)
        if cause:
            self._give_reason(f"{end.value}: {cause}", Cause.CLIENT if end is End.CLIENT else Cause.SERVER)
        elif not self.reason:
            self._give_reason(f"{end.value} closed")
        was_closing = self.phase is Phase.CLOSING
        self._begin_closing()
        if not self._present:
            self._finish()
        elif not was_closing:
            self._effects.watch(self._bound)
            if cause and not whole:
                self._effects.break_off(end.other)
            elif end is End.CLIENT:
                self._effects.hang_up(End.SERVER)
            else:
                self._effects.close(End.CLIENT)

    def inactive(self, seconds: float) -> None:
        """No byte has moved for as long as was to be watched for."""
        self.stop(f"no byte moved for {seconds:g} s", Cause.INACTIVITY)

    def stop(self, reason: str, cause: Cause = Cause.STOPPED) -> None:
        """End the connection now, whatever is undelivered."""
        if self.phase is Phase.CLOSED:
            return
        self._give_reason(reason, cause)
        self._begin_closing()
        self._effects.watch(None)
        for end in (End.CLIENT, End.SERVER):
            if end in self._present:
                self._effects.abort(end)

    def _begin_closing(self) -> None:
        was, self.phase = self.phase, Phase.CLOSING
        # What connecting fails with now is told to a machine that does not connect any more, and is no reason.
        if was is Phase.CONNECTING:
            self._effects.cancel_connecting()

    def _close(self, *ends: End) -> None:
        self._begin_closing()
        self._effects.watch(self._bound)
        for end in ends:
            if end in self._present:
                self._effects.close(end)

    def _give_reason(self, reason: str, cause: Cause | None = None) -> None:
        self.reason = f"{self.reason}; {reason}" if self.reason else reason
        self.cause = self.cause or cause

    def _finish(self) -> None:
        self.phase = Phase.CLOSED
        # Nothing is asked of them any more, and they hold this machine: a circle less for the collector to find.
        effects, self._effects = self._effects, None
        effects.watch(None)
        effects.finished(self.reason)
