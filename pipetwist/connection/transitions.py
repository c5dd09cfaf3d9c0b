"""Looks up in the tables of `pipetwist.connection.states` what an event leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from pipetwist.connection.states import (
    CLIENT,
    ENDS,
    FACTS,
    IS_CLIENT,
    PHASES,
    STATES,
    TABLE,
    Event,
    Step,
)

__all__ = ["Transitions", "follow"]

_CLIENTS = ENDS & 0b01010101

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
        state, (event, end) = key & STATES, Event.of(key)
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
    seen = state | IS_CLIENT if end == CLIENT else _mirrored(state)
    needed, begins, ceases = FACTS[event]
    if seen & needed == needed:
        for line in TABLE:
            if (
                line.event is event
                and seen & PHASES in line.phases
                and seen & line.facts == line.facts
            ):
                after = (seen | begins) & ~(ceases | PHASES | IS_CLIENT) | line.becomes
                if end == CLIENT:
                    return after, line.steps
                return _mirrored(after), tuple(
                    Step(what, _mirrored(whose)) for what, whose in line.steps
                )
    return state, ()


def _mirrored(facts: int) -> int:
    """The same with the two ends exchanged."""
    return facts & ~ENDS | (facts & _CLIENTS) << 1 | (facts & ENDS) >> 1 & _CLIENTS
