"""A few long steps in each turn of the reactor, and no more: open connections wait for them."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Stepping", "Turns"]

# Two cost who waits little more than one, and keep the reactor from looking around after each.
_PER_TURN = 2


class Stepping(Protocol):
    """What has a long step to take, such as a signature of a TLS handshake, which takes a
    millisecond or more.
    """

    def step(self) -> None:
        """Its turn has come: ask for it again with `Turns.take`, unless it is over."""


class Turns:
    """Says when a step may be taken.

    Args:
        clock: has its calls in the next turn.
    """

    __slots__ = ("_call", "_clock", "_left", "_waiting")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._left = _PER_TURN
        self._waiting: deque[Stepping] = deque()
        self._call: IDelayedCall | None = None

    def __repr__(self) -> str:
        return f"<Turns {len(self._waiting)} waiting>"

    def take(self) -> bool:
        """Take a step of this turn's; says whether there was one left."""
        if self._call is None:
            self._call = self._clock.callLater(0, self._next)
        if not self._left:
            return False
        self._left -= 1
        return True

    def wait(self, stepping: Stepping) -> None:
        """Have this take its step in a turn to come."""
        self._waiting.append(stepping)

    def _next(self) -> None:
        self._call = None
        self._left = _PER_TURN
        # One that is over meanwhile takes nothing of the turn.
        while self._left and self._waiting:
            self._waiting.popleft().step()
