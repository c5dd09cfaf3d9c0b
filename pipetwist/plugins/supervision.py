"""When a plug-in is started, is ready, and is started again: a state machine without I/O.

Theory of operation. A plug-in that is wanted is started; its contract says when it is ready. One
that ends by itself is started again after a pause, whether it was ready or not. A start that failed
has a process that still runs: it is ended first. A stop waits for the process's end in any case;
one that is wanted meanwhile is started again after that::

    STOPPED ──▶ STARTING ──▶ READY
       ▲         ▲  │  │       │
       │         │  │  └─▶ FAILED ──▶ WAITING ──▶ STARTING
       │         │  └────────────────▶ ▲ ◀── READY
       │      CHANGING ◀── STARTING, READY, STOPPING
       └────── STOPPING ◀── all of them

``TABLE`` has a line for each transition. An event without a line changes nothing.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

__all__ = ["TABLE", "Action", "Event", "Pauses", "State", "Transition", "follow"]

FIRST_PAUSE_SECONDS = 0.2
"""The pause before a plug-in is started again. Each is twice as long as the one before."""
LONGEST_PAUSE_SECONDS = 30.0
"""The longest pause."""
GOOD_SECONDS = 60.0
"""A plug-in that was ready for so long went well: the next pause is the first one again."""


class State(Enum):
    """What a plug-in is doing."""

    STOPPED = "stopped"
    """It does not run, and nobody wants it to."""
    STARTING = "starting"
    """Its process runs, and is not ready yet."""
    READY = "ready"
    """It takes connections."""
    FAILED = "failed"
    """It can't be used, and its process is being ended."""
    WAITING = "waiting"
    """It does not run, and is started again after a pause."""
    CHANGING = "changing"
    """Its process is being ended, and is started again at once: with other variables, or for
    somebody new.
    """
    STOPPING = "stopping"
    """Its process is being ended for good."""


class Event(Enum):
    """What can happen to it."""

    WANTED = auto()
    """Somebody wants it to run."""
    BECAME_READY = auto()
    """Its contract says that it is ready."""
    FAULT = auto()
    """It can't be used, while its process runs."""
    ENDED = auto()
    """Its process has ended, and all of its group, or could not be started."""
    DUE = auto()
    """The pause is over."""
    CHANGE = auto()
    """It has to be started again, with other variables."""
    STOP = auto()
    """Nobody wants it any more."""


class Action(Enum):
    """What is to be done then."""

    LAUNCH = "launch"
    """Start the process."""
    END = "end"
    """End the process: by the contract, then by signals."""
    PAUSE = "pause"
    """Send `Event.DUE` after the next pause."""
    CANCEL = "cancel"
    """Do not send it."""
    TELL_READY = "tell_ready"
    """Those who wait for it may go on."""
    TELL_FAILED = "tell_failed"
    """Those who wait for it have waited in vain: the start failed."""
    TELL_STOPPED = "tell_stopped"
    """Nothing is left of what was to be stopped."""


class Transition(NamedTuple):
    """A line of the table: the next state, and what is to be done."""

    after: State
    actions: tuple[Action, ...] = ()


_S, _E, _A = State, Event, Action

TABLE: dict[tuple[State, Event], Transition] = {
    (_S.STOPPED, _E.WANTED): Transition(_S.STARTING, (_A.LAUNCH,)),
    (_S.STOPPED, _E.STOP): Transition(_S.STOPPED, (_A.TELL_STOPPED,)),
    (_S.STARTING, _E.BECAME_READY): Transition(_S.READY, (_A.TELL_READY,)),
    (_S.STARTING, _E.FAULT): Transition(_S.FAILED, (_A.TELL_FAILED, _A.END)),
    (_S.STARTING, _E.ENDED): Transition(_S.WAITING, (_A.PAUSE, _A.TELL_FAILED)),
    (_S.STARTING, _E.CHANGE): Transition(_S.CHANGING, (_A.END,)),
    (_S.STARTING, _E.STOP): Transition(_S.STOPPING, (_A.TELL_FAILED, _A.END)),
    (_S.READY, _E.FAULT): Transition(_S.FAILED, (_A.END,)),
    (_S.READY, _E.ENDED): Transition(_S.WAITING, (_A.PAUSE,)),
    (_S.READY, _E.CHANGE): Transition(_S.CHANGING, (_A.END,)),
    (_S.READY, _E.STOP): Transition(_S.STOPPING, (_A.END,)),
    (_S.FAILED, _E.ENDED): Transition(_S.WAITING, (_A.PAUSE,)),
    (_S.FAILED, _E.CHANGE): Transition(_S.CHANGING),
    (_S.FAILED, _E.STOP): Transition(_S.STOPPING),
    (_S.WAITING, _E.DUE): Transition(_S.STARTING, (_A.LAUNCH,)),
    (_S.WAITING, _E.CHANGE): Transition(_S.STARTING, (_A.CANCEL, _A.LAUNCH)),
    (_S.WAITING, _E.STOP): Transition(_S.STOPPED, (_A.CANCEL, _A.TELL_FAILED, _A.TELL_STOPPED)),
    (_S.CHANGING, _E.ENDED): Transition(_S.STARTING, (_A.TELL_STOPPED, _A.LAUNCH)),
    (_S.CHANGING, _E.STOP): Transition(_S.STOPPING, (_A.TELL_FAILED,)),
    (_S.STOPPING, _E.WANTED): Transition(_S.CHANGING),
    (_S.STOPPING, _E.ENDED): Transition(_S.STOPPED, (_A.TELL_STOPPED,)),
}
"""What an event leads to in a state."""


def follow(state: State, event: Event) -> Transition:
    """Look up what an event leads to. Where the table has no line, nothing changes."""
    return TABLE.get((state, event)) or Transition(state)


class Pauses:
    """How long to wait before a plug-in is started again."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE_SECONDS

    def __repr__(self) -> str:
        return f"<Pauses next={self._next:g} s>"

    def after(self, ready_seconds: float) -> float:
        """The pause in seconds, after a run.

        Args:
            ready_seconds: how long it was ready; 0 if it never was.
        """
        if ready_seconds >= GOOD_SECONDS:
            self._next = FIRST_PAUSE_SECONDS
        pause = self._next
        self._next = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return pause
