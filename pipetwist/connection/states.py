"""The states of a connection, as two tables. Nothing here acts: it says which steps to take.

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

An event mostly happens at one of the ends. The tables say what it leads to:

1. ``FACTS``: which facts an event changes, and which must hold. If they do not, the event is
   ignored: a second end of file is none.
2. ``TABLE``: the phase that it leads to, and the steps to take then. A line is written for *this*
   end and the *other*. The first line applies whose event, phase and facts fit. In the phase
   ``CLOSED`` nothing happens any more.

The rules behind the lines:

- an end of file at one end is passed to the other, after everything that was read before it; the
  opposite direction stays open;
- when one end is lost, the other is closed, after it got everything that was read;
- when one end was cut off, or could not be connected, the other is cut off too, so that nobody
  takes a part for the whole;
- a connection has closed once both ends are lost;
- time-outs bound inactivity: the inbound's idle time-out while both directions are open, another
  once one direction has ended. If the death of either peer is always noticed, the second is none by
  default: a peer that works in silence has all the time that it needs.

`pipetwist.relay.connection`, which takes the steps, may get the next event in the middle of them: a
side may be lost within the call that closes it. That is why the state changes before the first
step, why the steps begin with the time-out, and why a step on a side that is already lost is
skipped.
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
    """The phases of a connection."""

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
    """What can happen. An event that belongs to neither end is written as the client's."""

    CONNECTED = 1
    """The outbound is connected."""
    CONNECT_FAILED = 2
    """The outbound can't be connected."""
    READ_ENDED = 3
    """Everything that this end had to send was read."""
    PEER_CLOSED = 4
    """The peer at this end has gone entirely; what it sent before may still be unread."""
    LOST = 5
    """This end is closed, both ways, and what was read from it is complete."""
    TRUNCATED = 6
    """This end is closed, both ways, and what was read from it may be incomplete."""
    STOP = 7
    """The connection is to close now, and what is not delivered is dropped."""

    def at(self, end: int) -> int:
        """The number that `Transitions` is asked for, together with a state."""
        return self << 12 | end << 16


class Step(NamedTuple):
    """Something to do.

    Attributes:
        what: a method of `pipetwist.interfaces.ISide` if it concerns one end, otherwise a step from
            the list above ``TABLE``.
        end: the end; 0 for a step of the connection itself.
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
"""The state of a new connection."""

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

# The connection's own steps: the time-out from now on, the start and the end.
IDLE, SILENCE, REST, FOR_EVER = (
    Step("watch_idle"),
    Step("watch_silence"),
    Step("watch_rest"),
    Step("watch_nothing"),
)
CANCEL, COUPLE, FINISH = Step("cancel_connecting"), Step("couple"), Step("finish")
STOP_RETRYING = Step("stop_retrying")  # the current attempt continues
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

    Line(PEER_CLOSED,    (CONNECTING,),   0,               CONNECTING,   (REST, STOP_RETRYING)),
    Line(PEER_CLOSED,    (OPEN,),         0,               OPEN,         (REST,)),
    Line(PEER_CLOSED,    (HALF_CLOSED,),  sends(THIS),     HALF_CLOSED,  (REST,)),
    Line(PEER_CLOSED,    (HALF_CLOSED,),  0,               HALF_CLOSED,  (abort(THIS),)),
    Line(PEER_CLOSED,    (CLOSING,),      0,               CLOSING,      ()),

    Line(LOST,           _RUNNING,        _IS_CLIENT,      CLOSING,      (REST, disconnect(OTHER))),
    Line(LOST,           _RUNNING,        0,               CLOSING,      (REST, close(OTHER))),
    Line(TRUNCATED,      _RUNNING,        0,               CLOSING,      (REST, close_with_error(OTHER))),
    # A cancelled attempt to connect fails after the end, and is not the reason for it.
    *(Line(lost,         (CONNECTING,),   0,               CLOSED,       (CANCEL, FOR_EVER, FINISH)) for lost in (LOST, TRUNCATED)),
    *(Line(lost,         (CLOSING,),      there(OTHER),    CLOSING,      ()) for lost in (LOST, TRUNCATED)),
    *(Line(lost,         (CLOSING,),      0,               CLOSED,       (FOR_EVER, FINISH)) for lost in (LOST, TRUNCATED)),

    Line(STOP,           (CONNECTING,),   0,               CLOSING,      (CANCEL, FOR_EVER, abort(CLIENT))),
    Line(STOP,           _ANY,            0,               CLOSING,      (FOR_EVER, abort(CLIENT), abort(SERVER))),
)
# fmt: on
"""The state after an event, and the steps."""

_Taken = TypeVar("_Taken")


class Transitions(dict[int, tuple[int, tuple[tuple[int, _Taken], ...]]], Generic[_Taken]):
    """The tables, looked up by state and event or-ed together: the next state, and for each step
    its end and what carries it out.

    An entry is made when it is looked up for the first time.

    Args:
        taken: what carries each kind of step out.
    """

    def __init__(self, taken: Mapping[str, _Taken]) -> None:
        super().__init__()
        self._taken = taken

    def __missing__(self, key: int) -> tuple[int, tuple[tuple[int, _Taken], ...]]:
        """Look the entry up in the tables."""
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
        The next state, and the steps in order.
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
    """The same with the two ends exchanged."""
    clients = _ENDS & 0b010101
    return facts & ~_ENDS | (facts & clients) << 1 | (facts & _ENDS) >> 1 & clients
