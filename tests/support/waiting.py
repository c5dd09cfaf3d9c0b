"""Waits that end."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

__all__ = ["clock", "moments", "turns", "until"]

clock: IReactorTime = reactor

# What is waited for mostly comes within a few turns of the reactor; after those it is looked for
# less often.
_TURNS = 50
_LOOK_SECONDS = 0.002


async def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Let the reactor run until the condition holds.

    Args:
        condition: looked at every few milliseconds.
        what: what is waited for, to be told where it does not come.
        seconds: how long to wait.

    Raises:
        AssertionError: it did not hold in time.
    """
    end = clock.seconds() + seconds
    looks = 0
    while not condition():
        looks += 1
        if clock.seconds() > end:
            message = f"waited {seconds:g} s for {what}"
            raise AssertionError(message)
        await deferLater(clock, 0 if looks < _TURNS else _LOOK_SECONDS)


async def turns(count: int) -> None:
    """Let the reactor go round so often: what does not wait for anybody outside this process is
    over then.
    """
    for _ in range(count):
        await deferLater(clock, 0)


async def moments(seconds: float) -> None:
    """Let the reactor run for a while in which nothing should happen."""
    await deferLater(clock, seconds)
