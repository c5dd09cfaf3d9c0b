"""The states and events of a connection for people: in the log, and in its ``repr``."""

from __future__ import annotations

from pipetwist.connection.states import (
    CLIENT,
    FACTS,
    SERVER,
    Event,
    Phase,
    Step,
    gone,
    sends,
    there,
)

__all__ = ["shown", "told"]


def shown(state: int) -> str:
    """A state for people."""
    phase = Phase.of(state)
    ends = (
        f"{name}={_shown_end(state, end)}" for name, end in (("client", CLIENT), ("server", SERVER))
    )
    return " ".join((phase.name, *ends)) if phase < Phase.CLOSED else phase.name


def _shown_end(state: int, end: int) -> str:
    if not state & there(end):
        return "AWAITED" if Phase.of(state) is Phase.CONNECTING else "LOST"
    return ("SENDS" if state & sends(end) else "ENDED") + ("+GONE" if state & gone(end) else "")


def told(key: int) -> str:
    """The event behind a number that `Event.at` made, for people."""
    event, end = Event.of(key)
    of_an_end = FACTS[event][0]
    return f"{Step(event.name, end if of_an_end else 0)}"
