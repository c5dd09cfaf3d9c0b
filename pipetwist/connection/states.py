"""The states of a connection, as two tables. Nothing here acts: it says which steps to take.

Theory of operation
===================

A connection has two ends, the client's and the server's. Of each there are four facts: its side is
*there* until it is lost; it *sends* until its end of file was read; its peer may have *gone*,
though what it sent may still be unread; and it may *close whole* only, since it can't take an end
of file while it still sends. Two facts are about both: whether the death of either peer
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
- to an end that closes whole an end of file is not passed: it is held back until that end has ended
  too, or no byte has moved for too long. A server's end that is held back from such a client is
  mostly that of everything that the client waits for: once the client is silent for a moment, both
  are closed in order;
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

from enum import IntEnum
from functools import partial
from typing import NamedTuple

__all__ = [
    "CLIENT",
    "ENDS",
    "FACTS",
    "IS_CLIENT",
    "NOTICED",
    "PHASES",
    "SERVER",
    "START",
    "STATES",
    "TABLE",
    "TOGETHER",
    "Event",
    "Line",
    "Phase",
    "Step",
    "closes_whole",
    "gone",
    "holds_server_end",
    "sends",
    "there",
]

CLIENT, SERVER = 1, 2
"""The ends, as bits."""
THIS, OTHER = CLIENT, SERVER  # of a line, which is written as if the client's end were this one

# The state: two bits for each of four facts, one for each of two, and the phase.
ENDS = 0b11111111
"""All facts about an end."""
NOTICED, TOGETHER = 1 << 8, 1 << 9
"""The facts about both ends."""
_PHASE = 10
PHASES = 0b111 << _PHASE
"""The bits of the phase."""
IS_CLIENT = 1 << 13
"""Whether this end is the client's, which a line may ask for besides."""
_EVENT = 14
STATES = (1 << _EVENT) - 1
"""The bits of a state."""
_END = 18


def there(ends: int) -> int:
    """The fact that the sides of these ends are there."""
    return ends


def sends(ends: int) -> int:
    """The fact that not everything was read of what these ends have to send."""
    return ends << 2


def gone(ends: int) -> int:
    """The fact that the peers at these ends have gone."""
    return ends << 4


def closes_whole(ends: int) -> int:
    """The fact that these ends can't take an end of file while they still send."""
    return ends << 6


class Phase(IntEnum):
    """The phases of a connection."""

    CONNECTING = 0 << _PHASE
    OPEN = 1 << _PHASE
    HALF_CLOSED = 2 << _PHASE
    CLOSING = 3 << _PHASE
    CLOSED = 4 << _PHASE

    @classmethod
    def of(cls, state: int) -> Phase:
        """The phase of a state."""
        return cls(state & PHASES)


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
    EXPIRED = 8
    """No byte has moved for as long as is allowed."""

    def at(self, end: int) -> int:
        """The number that `Transitions` is asked for, together with a state."""
        return self << _EVENT | end << _END

    @classmethod
    def of(cls, key: int) -> tuple[Event, int]:
        """The event and the end behind a number that `at` made."""
        return cls(key >> _EVENT & 0b1111), key >> _END


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
CONNECTED, CONNECT_FAILED, READ_ENDED, PEER_CLOSED, LOST, TRUNCATED, STOP, EXPIRED = Event

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
    EXPIRED: (0, 0, 0),
}
"""For each event the facts that must hold, those that it makes true, and those that it makes
false.
"""

# The connection's own steps: the time-out from now on, the start and the end.
IDLE, SILENCE, REST, MOMENT, FOR_EVER = (
    Step("watch_idle"),
    Step("watch_silence"),
    Step("watch_rest"),
    Step("watch_moment"),
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
# While it is half-closed: that the server has ended, and the client can't be told yet.
_SERVER_END_HELD = sends(CLIENT) | closes_whole(CLIENT)

# fmt: off
TABLE: tuple[Line, ...] = (
    #    event           in the phase     where it holds   leads to      with these steps
    Line(CONNECTED,      (CONNECTING,),   gone(THIS),      OPEN,         (REST, COUPLE)),
    Line(CONNECTED,      (CONNECTING,),   0,               OPEN,         (IDLE, COUPLE)),
    # Closed in order it would look like a server that has nothing to say.
    Line(CONNECT_FAILED, (CONNECTING,),   0,               CLOSING,      (REST, close_with_error(THIS))),

    Line(READ_ENDED,     (CONNECTING,),   0,               CLOSING,      (CANCEL, REST, close(THIS))),
    Line(READ_ENDED,     (OPEN,),         TOGETHER,        CLOSING,      (REST, write_eof(OTHER), close(THIS), close(OTHER))),
    Line(READ_ENDED,     (OPEN,),         gone(THIS) | closes_whole(OTHER), HALF_CLOSED, (REST, abort(THIS))),
    Line(READ_ENDED,     (OPEN,),         IS_CLIENT | closes_whole(OTHER), HALF_CLOSED, (REST,)),
    Line(READ_ENDED,     (OPEN,),         closes_whole(OTHER), HALF_CLOSED, (MOMENT,)),
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

    Line(LOST,           _RUNNING,        IS_CLIENT,      CLOSING,      (REST, disconnect(OTHER))),
    Line(LOST,           _RUNNING,        0,               CLOSING,      (REST, close(OTHER))),
    Line(TRUNCATED,      _RUNNING,        0,               CLOSING,      (REST, close_with_error(OTHER))),
    # A cancelled attempt to connect fails after the end, and is not the reason for it.
    *(Line(lost,         (CONNECTING,),   0,               CLOSED,       (CANCEL, FOR_EVER, FINISH)) for lost in (LOST, TRUNCATED)),
    *(Line(lost,         (CLOSING,),      there(OTHER),    CLOSING,      ()) for lost in (LOST, TRUNCATED)),
    *(Line(lost,         (CLOSING,),      0,               CLOSED,       (FOR_EVER, FINISH)) for lost in (LOST, TRUNCATED)),

    Line(EXPIRED,        (HALF_CLOSED,),  _SERVER_END_HELD, CLOSING,     (REST, close(CLIENT), close(SERVER))),
    *(Line(stop,         (CONNECTING,),   0,               CLOSING,      (CANCEL, FOR_EVER, abort(CLIENT))) for stop in (STOP, EXPIRED)),
    *(Line(stop,         _ANY,            0,               CLOSING,      (FOR_EVER, abort(CLIENT), abort(SERVER))) for stop in (STOP, EXPIRED)),
)
# fmt: on
"""The state after an event, and the steps."""


def holds_server_end(state: int) -> bool:
    """Whether the server has ended, and the client is to be told once it is silent.

    Args:
        state: the connection's.
    """
    return state & PHASES == HALF_CLOSED and state & _SERVER_END_HELD == _SERVER_END_HELD
