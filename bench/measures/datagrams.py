"""Datagrams a second that come through with next to none lost, and what is lost at a fixed rate."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from bench.generator import Answer, load
from bench.measures.measure import Better, Effort, Quantity, Take, Values
from bench.relays.running import Running

__all__ = ["FROM_MANY", "FROM_ONE", "datagrams", "highest_rate"]

_FIXED = 100_000
"""Datagrams a second that everybody is offered."""
_MAX_LOST = 0.001
_A_HICCUP = 0.05
"""What is lost up to this part may be the machine's doing, and is asked for once more."""
_STEPS = 7
_ALL_THAT_CAN_BE_OFFERED = 0.8
"""The load generator is at its end where it offers no more than this part of what was asked for."""
_MICRO = 1e-6

FROM_MANY = (
    Quantity("rate", "datagrams/s", Better.HIGHER),
    Quantity("lost", f"% lost at {_FIXED:,}/s", Better.LOWER, 2),
)
"""Without the CPU time: of a process for each source the system tells it in whole hundredths of a
second, and most have used less.
"""
FROM_ONE = (*FROM_MANY, Quantity("cpu", "CPU µs each", Better.LOWER, 1))


def datagrams(size: int, sources: int) -> Take:
    """Look for the highest rate of which 0.1 % is lost at most: from the fixed rate on, twice or
    half as much, then between.

    What counts is how many came through a second, until the last of them: who only keeps them for
    later has not been quicker.

    Args:
        size: bytes of each.
        sources: how many send them, in turn.
    """

    def take(running: Running, effort: Effort) -> Values:
        def run(rate: float) -> Answer:
            return load(
                "packets",
                running.client,
                running.server,
                round(rate),
                effort.seconds,
                size,
                sources,
            )

        before = running.cpu_seconds()
        first = run(_FIXED)
        cpu = running.cpu_seconds() - before
        values = {"rate": highest_rate(run, first), "lost": first["lost"] * 100}
        if running.program:
            values["cpu"] = cpu / first["arrived"] / _MICRO
        return values

    return take


def highest_rate(run: Callable[[float], Answer], first: Answer) -> float:
    """The most that came through in a second; 0 where too much was lost at each rate.

    Args:
        run: offers a rate.
        first: what it said of the fixed rate.
    """
    most, kept, lost, rate = 0.0, 0.0, 0.0, float(_FIXED)
    for step in range(_STEPS):
        answer = run(rate) if step else first
        if _MAX_LOST < answer["lost"] < _A_HICCUP:
            answer = run(rate)
        if answer["lost"] > _MAX_LOST:
            lost = rate
        else:
            most, kept = max(most, answer["per_second"]), rate
            if answer["offered_per_second"] < rate * _ALL_THAT_CAN_BE_OFFERED:
                break
        rate = kept * 2 if not lost else sqrt(kept * lost) if kept else lost / 2
    return most
