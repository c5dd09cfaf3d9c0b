"""What becomes of a connection, as two tables. Nothing here does anything: it says what is to be
done.

Theory of operation
===================

A connection has two ends, the client's and the server's. Of each there are three facts: its side is
*there* until it is lost; it *sends* until its end of file was read; its peer may have *gone*,
though what it sent may still be unread. Two facts are about both: whether the death of either peer
is *noticed*, and whether the directions end *together*, since neither side can end one alone. The
facts and the phase are the bits of one number, the state::

    CONNECTING ──▶ OPEN ──▶ HALF_CLOSED ──▶ CLOSING ──▶ CLOSED
         │           └──────────────────────▶ ▲
         └────────────────────────────────────┘

What happens is an event, mostly at one of the ends. The tables say what follows:

1. ``FACTS``: which facts an event changes, and which must hold, or nothing has happened: an end of
   file that is told again is none.
2. ``TABLE``: the phase that it leads to, and the steps that are taken then. A line is written for
   *this* end and the *other*. The first line counts whose event, phase and facts fit. In the phase
   ``CLOSED`` nothing happens any more.

What the lines hold to:

- an end of file on one end travels to the other, after everything read before it, and the opposite
  direction goes on;
- an end that is lost takes the other with it, which first gets everything that was read;
- an end that was cut off, or that could never be connected, cuts the other off: nobody takes a part
  for the whole;
- a connection is over once both ends are lost;
- inactivity is bounded: by the inbound's wish while both directions are open, and once one has
  ended, unless the death of either peer is noticed: then who works in silence has all the time that
  it takes.

Who takes the steps, which is `pipetwist.relay.connection`, may be told of the next event in the
middle of them: a side that is told to close may be lost in the call. That is why the state is the
new one before the first step is taken, why the steps begin with what is watched for, and why a step
on a side that is not there any more is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import partial
from typing import Generic, NamedTuple, TypeVar

__all__ = [
    "CLIENT",
    "FACTS",
    "NOTICED",
    "SERVER",
    "START",
    "TABLE",
    "TOGETHER",
    "Event",
    "Line",
    "Phase",
    "Step",
    "Transitions",
    "follow",
    "gone",
    "sends",
    "there",
]

CLIENT, SERVER = 1, 2
"""The ends, as bits."""
THIS, OTHER = CLIENT, SERVER  # of a line, which is written as if the client's end were this one

# The state: two bits for each of three facts, one for each of two, and the phase.
_ENDS = 0b111111
_PHASES = 0b111 << 8
NOTICED, TOGETHER = 1 << 6, 1 << 7
"""The facts about both ends."""
_IS_CLIENT = 1 << 11  # whether this end is the client's, which a line may ask for besides
_STATES = (1 << 12) - 1


def there(ends: int) -> int:
    """The fact that the sides of these ends are there."""
    return ends


def sends(ends: int) -> int:
    """The fact that not everything was read of what these ends have to send."""
    return ends << 2


def gone(ends: int) -> int:
    """The fact that the peers at these ends have gone."""
    return ends << 4


class Phase(IntEnum):
    """Where a connection is in its life."""

    CONNECTING = 0 << 8
    OPEN = 1 << 8
    HALF_CLOSED = 2 << 8
    CLOSING = 3 << 8
    CLOSED = 4 << 8

    @classmethod
    def of(cls, state: int) -> Phase:
        """The phase of a state."""
        return cls(state & _PHASES)


class Event(IntEnum):
    """What happens. That which is not of one end is of the client's."""

    CONNECTED = 1
    """The outbound's side is there."""
    CONNECT_FAILED = 2
    """It can't be had."""
    READ_ENDED = 3
    """Everything that this end had to send was read."""
    PEER_CLOSED = 4
    """The peer at this end has gone entirely; what it sent before may still be unread."""
    LOST = 5
    """This end is over, both ways, and what was read from it is whole."""
    TRUNCATED = 6
    """This end is over, both ways, and what was read from it may be a part."""
    STOP = 7
    """The connection is to end now, whatever is undelivered."""

    def at(self, end: int) -> int:
        """The number that is looked up, with a state, in `Transitions`."""
        return self << 12 | end << 16


class Step(NamedTuple):
    """Something to be done.

    Attributes:
        what: for an end the method of `pipetwist.interfaces.ISide`, otherwise one of those above
            ``TABLE``.
        end: of whose side; 0 for what is the connection's own.
    """

    what: str
    end: int = 0

    def __str__(self) -> str:
        return f"{self.what} {('', 'client', 'server')[self.end]}".rstrip()


class Line(NamedTuple):
    """A line of the table."""

    event: Event
    phases: tuple[Phase, ...]
    facts: int
    becomes: Phase
    steps: tuple[Step, ...]


CONNECTING, OPEN, HALF_CLOSED, CLOSING, CLOSED = Phase
CONNECTED, CONNECT_FAILED, READ_ENDED, PEER_CLOSED, LOST, TRUNCATED, STOP = Event

START = there(CLIENT) | sends(CLIENT) | CONNECTING
"""The state of a connection that begins."""

FACTS: dict[Event, tuple[int, int, int]] = {
    # event        facts that must hold   become true                    become false
    CONNECTED: (0, there(OTHER) | sends(OTHER), 0),
    CONNECT_FAILED: (0, 0, 0),
    READ_ENDED: (sends(THIS), 0, sends(THIS)),
    PEER_CLOSED: (there(THIS), gone(THIS), 0),
    LOST: (there(THIS), 0, there(THIS) | sends(THIS)),
    TRUNCATED: (there(THIS), 0, there(THIS) | sends(THIS)),
    STOP: (0, 0, 0),
}
"""For each event the facts that must hold, those that it makes true, and those that it makes
false.
"""

# The connection's own steps: how long it may go on from now on without a byte, and what begins and
# ends.
IDLE, SILENCE, REST, FOR_EVER = (
    Step("watch_idle"),
    Step("watch_silence"),
    Step("watch_rest"),
    Step("watch_nothing"),
)
CANCEL, COUPLE, FINISH = Step("cancel_connecting"), Step("couple"), Step("finish")
# Those on a side.
write_eof, close, disconnect = (
    partial(Step, "write_eof"),
    partial(Step, "close"),
    partial(Step, "disconnect"),
)
close_with_error, abort = partial(Step, "close_with_error"), partial(Step, "abort")

_ANY = (CONNECTING, OPEN, HALF_CLOSED, CLOSING)
_RUNNING = (OPEN, HALF_CLOSED)

# fmt: off
TABLE: tuple[Line, ...] = (
    #    event           in the phase     where it holds   leads to      with these steps
    Line(CONNECTED,      (CONNECTING,),   gone(THIS),      OPEN,         (REST, COUPLE)),
    Line(CONNECTED,      (CONNECTING,),   0,               OPEN,         (IDLE, COUPLE)),
    # Closed in order it would look like a server that has nothing to say.
    Line(CONNECT_FAILED, (CONNECTING,),   0,               CLOSING,      (REST, close_with_error(THIS))),

    Line(READ_ENDED,     (CONNECTING,),   0,               CLOSING,      (CANCEL, REST, close(THIS))),
    Line(READ_ENDED,     (OPEN,),         TOGETHER,        CLOSING,      (REST, write_eof(OTHER), close(THIS), close(OTHER))),
    Line(READ_ENDED,     (OPEN,),         gone(THIS),      HALF_CLOSED,  (REST, write_eof(OTHER), abort(THIS))),
    Line(READ_ENDED,     (OPEN,),         gone(OTHER),     HALF_CLOSED,  (REST, write_eof(OTHER))),
    Line(READ_ENDED,     (OPEN,),         NOTICED,         HALF_CLOSED,  (SILENCE, write_eof(OTHER))),
    Line(READ_ENDED,     (OPEN,),         0,               HALF_CLOSED,  (REST, write_eof(OTHER))),
    Line(READ_ENDED,     (HALF_CLOSED,),  0,               CLOSING,      (REST, close(OTHER), close(THIS))),
    Line(READ_ENDED,     (CLOSING,),      0,               CLOSING,      ()),

    Line(PEER_CLOSED,    (CONNECTING,),   0,               CONNECTING,   (REST,)),
    Line(PEER_CLOSED,    (OPEN,),         0,               OPEN,         (REST,)),
    Line(PEER_CLOSED,    (HALF_CLOSED,),  sends(THIS),     HALF_CLOSED,  (REST,)),
    Line(PEER_CLOSED,    (HALF_CLOSED,),  0,               HALF_CLOSED,  (abort(THIS),)),
    Line(PEER_CLOSED,    (CLOSING,),      0,               CLOSING,      ()),

    Line(LOST,           _RUNNING,        _IS_CLIENT,      CLOSING,      (REST, disconnect(OTHER))),
    Line(LOST,           _RUNNING,        0,               CLOSING,      (REST, close(OTHER))),
    Line(TRUNCATED,      _RUNNING,        0,               CLOSING,      (REST, close_with_error(OTHER))),
    # What connecting fails with when it is cancelled is heard of after the end, and is no reason.
    *(Line(lost,         (CONNECTING,),   0,               CLOSED,       (CANCEL, FOR_EVER, FINISH)) for lost in (LOST, TRUNCATED)),
    *(Line(lost,         (CLOSING,),      there(OTHER),    CLOSING,      ()) for lost in (LOST, TRUNCATED)),
    *(Line(lost,         (CLOSING,),      0,               CLOSED,       (FOR_EVER, FINISH)) for lost in (LOST, TRUNCATED)),

    Line(STOP,           (CONNECTING,),   0,               CLOSING,      (CANCEL, FOR_EVER, abort(CLIENT))),
    Line(STOP,           _ANY,            0,               CLOSING,      (FOR_EVER, abort(CLIENT), abort(SERVER))),
)
# fmt: on
"""What follows an event, and what is done."""

_Taken = TypeVar("_Taken")


class Transitions(dict[int, tuple[int, tuple[tuple[int, _Taken], ...]]], Generic[_Taken]):
    """The tables by state and event, which are or-ed: the next state, and for each step its end and
    what takes it.

    An entry is made when it is looked up for the first time.

    Args:
        taken: what takes each kind of step.
    """

    def __init__(self, taken: Mapping[str, _Taken]) -> None:
        super().__init__()
        self._taken = taken

    def __missing__(self, key: int) -> tuple[int, tuple[tuple[int, _Taken], ...]]:
        """Find what the tables say."""
        state, event, end = key & _STATES, Event(key >> 12 & 0b1111), key >> 16
        after, steps = follow(state, event, end)
        found = self[key] = after, tuple((step.end, self._taken[step.what]) for step in steps)
        return found


def follow(state: int, event: Event, end: int = CLIENT) -> tuple[int, tuple[Step, ...]]:
    """What the tables say.

    Args:
        state: the connection's.
        event: what happens.
        end: at which end.

    Returns:
        The state that follows, and the steps, in order.
    """
    seen = state | _IS_CLIENT if end == CLIENT else _mirrored(state)
    needed, begins, ceases = FACTS[event]
    if seen & needed == needed:
        for line in TABLE:
            if (
                line.event is event
                and seen & _PHASES in line.phases
                and seen & line.facts == line.facts
            ):
                after = (seen | begins) & ~(ceases | _PHASES | _IS_CLIENT) | line.becomes
                if end == CLIENT:
                    return after, line.steps
                return _mirrored(after), tuple(
                    Step(what, _mirrored(whose)) for what, whose in line.steps
                )
    return state, ()


def _mirrored(facts: int) -> int:
    """The same with each end in the other's place."""
    clients = _ENDS & 0b010101
    return facts & ~_ENDS | (facts & clients) << 1 | (facts & _ENDS) >> 1 & clients
