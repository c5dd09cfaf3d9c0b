"""Long work in small steps: a generator that yields after each, and returns what came of it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

__all__ = ["at_once", "in_turns"]

_Outcome = TypeVar("_Outcome")


def at_once(work: Generator[None, None, _Outcome]) -> _Outcome:
    """Take all steps now."""
    try:
        while True:
            next(work)
    except StopIteration as over:
        outcome: _Outcome = over.value
        return outcome


def in_turns(clock: IReactorTime, work: Generator[None, None, _Outcome]) -> Deferred[_Outcome]:
    """Take one step in each turn of the reactor.

    Args:
        clock: the reactor.
        work: the work. It is begun at once: what takes a single step is done when this returns.

    Returns:
        A Deferred of what the work returns, or of the exception that it raises.
    """
    done: Deferred[_Outcome] = Deferred()

    def step() -> None:
        try:
            next(work)
        except StopIteration as over:
            done.callback(over.value)
        except Exception:  # noqa: BLE001 - whoever waits is told of it
            done.errback(Failure())
        else:
            clock.callLater(0, step)

    step()
    return done
