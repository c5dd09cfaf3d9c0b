"""How a side of a connection ends: a state machine without I/O, used by every kind of side.

Theory of operation. A side has two halves, which end one after the other or together:

- `Reading`, what its peer sends. It ends once, with the peer's end of file.
- `Writing`, what its peer is sent. We end it: with an end of file only (`FINISH`), with the whole
  side (`CLOSE`), or such that the peer can't take what it got for complete (`CLOSE_WITH_ERROR`).
  What is buffered is delivered first, up to `DRAINED`. Or the peer reads nothing more.

A side that is closed while its peer may still be sending lingers: closing a socket with unread
bytes sends a reset (RFC 1122, 4.2.2.13), which may overtake what was just delivered. One that is
closed with an error waits until its peer has acknowledged everything, and is then reset.

`TABLE` has a line for each change of the writing half, `_READING_AFTER` one for each of the reading
half. An event without a line changes nothing: the first call that ends a side decides how, except
for `END`. The states are built from both tables once, each an `Ending` that refers to others. A
side refers to one of them, so that a step is one look-up and makes no object.
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
    """There is no more. Whether it is complete is not known yet: a command's exit says that."""
    EOF = auto()
    """There is no more."""


class Writing(Enum):
    """What the peer is sent, and how the side ends."""

    OPEN = auto()
    """More may be written."""
    DRAINING = auto()
    """What is buffered is followed by an end of file."""
    SHUT = auto()
    """The end of file was sent, or the peer reads nothing more."""
    REFUSED = auto()
    """The peer reads nothing more. Its end of file is read, and reported, before the side
    closes.
    """
    FAILED = auto()
    """The peer reads nothing more. What it has sent is read before the side closes."""
    CLOSING = auto()
    """What is buffered is followed by an end of file, and then the side closes."""
    LINGERING = auto()
    """Everything was sent. The side closes when the peer has closed, or after a time-out."""
    CUTTING = auto()
    """What is buffered is followed by a reset."""
    RESETTING = auto()
    """What is buffered is followed by an end of file, requested before, and by a reset."""
    ACKNOWLEDGING = auto()
    """Everything was sent. A reset follows when the peer has acknowledged it."""
    ENDING = auto()
    """The side is being closed; the system has not confirmed it yet."""
    CLOSED = auto()
    """The side has closed."""


class Event:
    """A request to a side, or something that happens to it. Members of an Enum would be slow.

    Args:
        name: its name in the log.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


FINISH: Final = Event("FINISH")
"""Send an end of file."""
CLOSE: Final = Event("CLOSE")
"""Close in order."""
CLOSE_WITH_ERROR: Final = Event("CLOSE_WITH_ERROR")
"""Close with a reset."""
END: Final = Event("END")
"""Close now, and wait for nothing."""
DRAINED: Final = Event("DRAINED")
"""Everything that was written has been sent."""
REFUSED: Final = Event("REFUSED")
"""The peer reads nothing more, and had sent its end of file before."""
FAILED: Final = Event("FAILED")
"""The peer takes nothing more."""
ABSENT: Final = Event("ABSENT")
"""The peer reads nothing more, which is not an error: it may continue to send."""
UNSURE: Final = Event("UNSURE")
"""The peer sends nothing more; whether that is complete is not known yet."""
PEER_ENDED: Final = Event("PEER_ENDED")
"""The peer's end of file was read."""
LOST: Final = Event("LOST")
"""The side has closed."""

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
    """What a side has to do."""

    SEND_END = auto()
    """Send the end of file."""
    TELL_END = auto()
    """Report the peer's end of file to the receiver."""
    LINGER = auto()
    """Wait until the peer closes, or for the time-out."""
    ACKNOWLEDGE = auto()
    """Reset once everything is acknowledged."""
    LEAVE = auto()
    """Close, unless the receiver has changed the state in the meantime."""


Row = tuple[tuple[Writing, ...], Event, tuple[Reading, ...], Writing | None, tuple[Effect, ...]]

_MORE = (Reading.OPEN, Reading.UNSURE)
_EOF = (Reading.EOF,)
_ANY = (*_MORE, *_EOF)
_UP = (Writing.OPEN, Writing.DRAINING, Writing.SHUT)
_UNSHUT = (Writing.OPEN, Writing.DRAINING)
_DONE = (Writing.SHUT, Writing.REFUSED, Writing.FAILED)
_END_AND_ACKNOWLEDGE = (Effect.SEND_END, Effect.ACKNOWLEDGE)
_ENDED_BY_US = (Writing.CLOSING, Writing.CUTTING, Writing.RESETTING)

# The writing half; the event; the reading halves for which the line applies; the next writing half,
# None for no change; the effects.
TABLE: Final[tuple[Row, ...]] = (
    # We end it.
    ((Writing.OPEN,), FINISH, _ANY, Writing.DRAINING, ()),
    (_UNSHUT, CLOSE, _ANY, Writing.CLOSING, ()),
    (_DONE, CLOSE, _MORE, Writing.LINGERING, (Effect.LINGER,)),
    ((Writing.SHUT, Writing.REFUSED), CLOSE, _EOF, Writing.ENDING, (Effect.LEAVE,)),
    ((Writing.OPEN,), CLOSE_WITH_ERROR, _ANY, Writing.CUTTING, ()),
    ((Writing.DRAINING,), CLOSE_WITH_ERROR, _ANY, Writing.RESETTING, ()),
    (_DONE, CLOSE_WITH_ERROR, _ANY, Writing.ACKNOWLEDGING, (Effect.ACKNOWLEDGE,)),
    # The buffer is empty.
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
    """A state of a side; there is one object of each. `steps` has the step for each event.

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
        """Whether what is buffered still has to be delivered."""
        self.closing = writing in _CLOSING
        """Whether we are closing it, or it has closed: what still arrives is dropped."""
        self.over = writing is Writing.CLOSED
        """Whether it has closed."""
        self.steps: dict[Event, Step] = {}

    def __repr__(self) -> str:
        return f"reading={self.reading.name} writing={self.writing.name}"


class Step:
    """What an event leads to.

    Args:
        after: the next state. effects: what to do.
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
"""The first state of a side."""
ENDINGS: Final = tuple(_machine(BEGINNING))
"""All states."""
