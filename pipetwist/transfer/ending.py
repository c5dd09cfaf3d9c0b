"""How a side of a connection ends: a state machine without I/O, which every kind of side asks.

Theory of operation. A side has two halves, which end one after the other or together:

- `Reading`, what its peer sends. It ends once, with the peer's end of file.
- `Writing`, what its peer is sent. We end it: with an end of file alone (`FINISH`), with the whole
  side (`CLOSE`), or such that the peer can't take what it got for whole (`CLOSE_WITH_ERROR`). What
  waits is delivered first, of which `DRAINED` tells. Or the peer takes nothing more.

A side that is closed while its peer may still be sending lingers: closing a socket with unread
bytes sends a reset (RFC 1122, 4.2.2.13), which may overtake what was just delivered. One that is
closed with an error waits until its peer has acknowledged everything, and is then reset.

`TABLE` has a line for each change of the writing half, `_READING_AFTER` one for each of the reading
half. What is in no line changes nothing: how a side ends is decided by who ends it first, unless it
is to `END` now, and one that is over stays so. The states are made of both tables, once, each as an
`Ending` that refers to others; a side holds one of them, so that a step is one look-up and makes no
object.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

__all__ = [
    "ABSENT",
    "BEGINNING",
    "CLOSE",
    "CLOSE_WITH_ERROR",
    "DRAINED",
    "END",
    "ENDINGS",
    "EVENTS",
    "FAILED",
    "FINISH",
    "LOST",
    "PEER_ENDED",
    "REFUSED",
    "TABLE",
    "UNSURE",
    "Effect",
    "Ending",
    "Event",
    "Reading",
    "Step",
    "Writing",
]


class Reading(Enum):
    """What the peer sends."""

    OPEN = auto()
    """There may be more."""
    UNSURE = auto()
    """There is no more. Whether it is whole is not known yet: a command says so by its exit."""
    EOF = auto()
    """There is no more."""


class Writing(Enum):
    """What the peer is sent, and so how the side ends."""

    OPEN = auto()
    """More may be written."""
    DRAINING = auto()
    """What waits is followed by an end of file."""
    SHUT = auto()
    """The end of file has gone, or the peer wants no more of anything."""
    REFUSED = auto()
    """The peer takes nothing more. Its end of file is read, and told, before the side ends."""
    FAILED = auto()
    """The peer takes nothing more. What it has sent is read before the side ends."""
    CLOSING = auto()
    """What waits is followed by an end of file, and by the side's end."""
    LINGERING = auto()
    """Everything has gone. The side ends once the peer has, or has had its time."""
    CUTTING = auto()
    """What waits is followed by a reset."""
    RESETTING = auto()
    """What waits is followed by an end of file, which was asked for before, and by a reset."""
    ACKNOWLEDGING = auto()
    """Everything has gone. It is followed by a reset once the peer has acknowledged it."""
    ENDING = auto()
    """The side has been ended, and the system is to say that it is over."""
    CLOSED = auto()
    """The side is over."""


class Event:
    """What a side is asked for, or what happens to it. Members of an Enum would be slow.

    Args:
        name: what it is called in the log.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


FINISH: Final = Event("FINISH")
"""Send an end of file."""
CLOSE: Final = Event("CLOSE")
"""End in order."""
CLOSE_WITH_ERROR: Final = Event("CLOSE_WITH_ERROR")
"""End with a reset."""
END: Final = Event("END")
"""End now, and wait for nothing."""
DRAINED: Final = Event("DRAINED")
"""Everything that was written has gone."""
REFUSED: Final = Event("REFUSED")
"""The peer takes nothing more, and has sent its end of file before that."""
FAILED: Final = Event("FAILED")
"""The peer takes nothing more."""
ABSENT: Final = Event("ABSENT")
"""The peer takes nothing more, which is no mistake: it may send on."""
UNSURE: Final = Event("UNSURE")
"""The peer sends nothing more, and whether what it has sent is whole is not known yet."""
PEER_ENDED: Final = Event("PEER_ENDED")
"""The peer's end of file was read."""
LOST: Final = Event("LOST")
"""The side is over."""

EVENTS: Final = (
    FINISH,
    CLOSE,
    CLOSE_WITH_ERROR,
    END,
    DRAINED,
    REFUSED,
    FAILED,
    ABSENT,
    UNSURE,
    PEER_ENDED,
    LOST,
)


class Effect(Enum):
    """What a side is to do."""

    SEND_END = auto()
    """Send the end of file."""
    TELL_END = auto()
    """Tell the receiver of the peer's end of file."""
    LINGER = auto()
    """Wait for the peer's end, for so long as a peer is waited for."""
    ACKNOWLEDGE = auto()
    """Reset once everything is acknowledged."""
    LEAVE = auto()
    """End, unless who was told has had something else done since."""


Row = tuple[tuple[Writing, ...], Event, tuple[Reading, ...], Writing | None, tuple[Effect, ...]]

_MORE = (Reading.OPEN, Reading.UNSURE)
_EOF = (Reading.EOF,)
_ANY = (*_MORE, *_EOF)
_UP = (Writing.OPEN, Writing.DRAINING, Writing.SHUT)
_UNSHUT = (Writing.OPEN, Writing.DRAINING)
_DONE = (Writing.SHUT, Writing.REFUSED, Writing.FAILED)
_END_AND_ACKNOWLEDGE = (Effect.SEND_END, Effect.ACKNOWLEDGE)
_ENDED_BY_US = (Writing.CLOSING, Writing.CUTTING, Writing.RESETTING)

# What the writing half is; what is asked for or happens; what the reading half is then; what the
# writing half becomes, None where it stays the same; and what is to be done.
TABLE: Final[tuple[Row, ...]] = (
    # We end it.
    ((Writing.OPEN,), FINISH, _ANY, Writing.DRAINING, ()),
    (_UNSHUT, CLOSE, _ANY, Writing.CLOSING, ()),
    (_DONE, CLOSE, _MORE, Writing.LINGERING, (Effect.LINGER,)),
    ((Writing.SHUT, Writing.REFUSED), CLOSE, _EOF, Writing.ENDING, (Effect.LEAVE,)),
    ((Writing.OPEN,), CLOSE_WITH_ERROR, _ANY, Writing.CUTTING, ()),
    ((Writing.DRAINING,), CLOSE_WITH_ERROR, _ANY, Writing.RESETTING, ()),
    (_DONE, CLOSE_WITH_ERROR, _ANY, Writing.ACKNOWLEDGING, (Effect.ACKNOWLEDGE,)),
    # What waited has gone.
    ((Writing.DRAINING,), DRAINED, _ANY, Writing.SHUT, (Effect.SEND_END,)),
    ((Writing.CLOSING,), DRAINED, _MORE, Writing.LINGERING, (Effect.SEND_END, Effect.LINGER)),
    ((Writing.CLOSING,), DRAINED, _EOF, Writing.ENDING, (Effect.LEAVE,)),
    ((Writing.CUTTING,), DRAINED, _ANY, Writing.ACKNOWLEDGING, (Effect.ACKNOWLEDGE,)),
    ((Writing.RESETTING,), DRAINED, _ANY, Writing.ACKNOWLEDGING, _END_AND_ACKNOWLEDGE),
    # The peer takes nothing more.
    (_UNSHUT, REFUSED, _MORE, Writing.REFUSED, ()),
    (_UNSHUT, REFUSED, _EOF, Writing.ENDING, (Effect.LEAVE,)),
    (_ENDED_BY_US, REFUSED, _ANY, Writing.ENDING, (Effect.LEAVE,)),
    (_UNSHUT, FAILED, _MORE, Writing.FAILED, ()),
    (_UNSHUT, FAILED, _EOF, Writing.ENDING, (Effect.LEAVE,)),
    (_ENDED_BY_US, FAILED, _ANY, Writing.ENDING, (Effect.LEAVE,)),
    (_UNSHUT, ABSENT, _ANY, Writing.SHUT, ()),
    ((Writing.CLOSING,), ABSENT, _MORE, Writing.LINGERING, (Effect.LINGER,)),
    ((Writing.CLOSING,), ABSENT, _EOF, Writing.ENDING, (Effect.LEAVE,)),
    # The peer has sent everything.
    (_UP, PEER_ENDED, _EOF, None, (Effect.TELL_END,)),
    ((Writing.REFUSED,), PEER_ENDED, _EOF, None, (Effect.TELL_END, Effect.LEAVE)),
    ((Writing.FAILED,), PEER_ENDED, _EOF, Writing.ENDING, (Effect.LEAVE,)),
    ((Writing.LINGERING,), PEER_ENDED, _EOF, Writing.ENDING, (Effect.LEAVE,)),
    # The end.
    (tuple(one for one in Writing if one is not Writing.CLOSED), END, _ANY, Writing.ENDING, ()),
    (tuple(Writing), LOST, _ANY, Writing.CLOSED, ()),
)

_READING_AFTER: Final = {
    (Reading.OPEN, UNSURE): Reading.UNSURE,
    (Reading.OPEN, PEER_ENDED): Reading.EOF,
    (Reading.UNSURE, PEER_ENDED): Reading.EOF,
    (Reading.OPEN, LOST): Reading.EOF,
    (Reading.UNSURE, LOST): Reading.EOF,
}

_DELIVERS = (*_UNSHUT, *_ENDED_BY_US)
_CLOSING = (*_ENDED_BY_US, Writing.LINGERING, Writing.ACKNOWLEDGING, Writing.ENDING, Writing.CLOSED)


class Ending:
    """A state of a side, of which there is one object. `steps` has what each event makes of it.

    Args:
        reading: the half that its peer sends.
        writing: the half that its peer is sent.
    """

    __slots__ = ("closing", "delivers", "over", "reading", "reads", "steps", "writable", "writing")

    def __init__(self, reading: Reading, writing: Writing) -> None:
        self.reading = reading
        self.writing = writing
        self.reads = reading is Reading.OPEN
        """Whether the peer may send more."""
        self.writable = writing is Writing.OPEN
        """Whether more may be written."""
        self.delivers = writing in _DELIVERS
        """Whether what waits is to be delivered still."""
        self.closing = writing in _CLOSING
        """Whether we have ended it, or it is over: what still comes is dropped."""
        self.over = writing is Writing.CLOSED
        """Whether it is over."""
        self.steps: dict[Event, Step] = {}

    def __repr__(self) -> str:
        return f"reading={self.reading.name} writing={self.writing.name}"


class Step:
    """What an event makes of a state.

    Args:
        after: the state then.
        effects: what is to be done.
    """

    __slots__ = ("acknowledges", "after", "leaves", "lingers", "sends_end", "tells_end")

    def __init__(self, after: Ending, effects: tuple[Effect, ...]) -> None:
        self.after = after
        self.sends_end = Effect.SEND_END in effects
        self.tells_end = Effect.TELL_END in effects
        self.lingers = Effect.LINGER in effects
        self.acknowledges = Effect.ACKNOWLEDGE in effects
        self.leaves = Effect.LEAVE in effects


def _machine(beginning: Ending) -> Iterator[Ending]:
    """Every state that can be reached, each with its steps."""
    made = {(beginning.reading, beginning.writing): beginning}
    new = [beginning]
    while new:
        ending = new.pop()
        for event in EVENTS:
            reading = _READING_AFTER.get((ending.reading, event), ending.reading)
            told = reading is not ending.reading
            writing, effects = _change(ending.writing, event, reading, told=told)
            after = made.get((reading, writing))
            if after is None:
                after = made[reading, writing] = Ending(reading, writing)
                new.append(after)
            ending.steps[event] = Step(after, effects)
        yield ending


def _change(
    writing: Writing, event: Event, reading: Reading, *, told: bool
) -> tuple[Writing, tuple[Effect, ...]]:
    for before, what, half, after, effects in TABLE:
        fits = writing in before and event is what and reading in half
        if fits and (told or event is not PEER_ENDED):
            return after or writing, effects
    return writing, ()


BEGINNING: Final = Ending(Reading.OPEN, Writing.OPEN)
"""What a side begins with."""
ENDINGS: Final = tuple(_machine(BEGINNING))
"""Every state that there is."""
