"""Sides that wait for their peers to end, all for the same time: one timer does for all of them."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["LINGER_SECONDS", "Lingering", "LingeringSide"]

LINGER_SECONDS = 2.0
"""So long a side that we have ended waits for its peer: for the end of file, or to take what still
waits.
"""
# A clock's sums are not exact: a side that is early by a rounding error is not left for another
# turn.
_NEARLY = 1e-6


class LingeringSide(Protocol):
    """Who waits."""

    def lingered(self) -> None:
        """The time is up."""


class Lingering:
    """Counts the time of those who wait, in the order in which they came.

    Args:
        clock: counts the time.
    """

    __slots__ = ("_call", "_clock", "_until")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._until: dict[LingeringSide, float] = {}
        self._call: IDelayedCall | None = None

    def __repr__(self) -> str:
        return f"<Lingering {len(self)} sides>"

    def __len__(self) -> int:
        return len(self._until)

    def wait(self, side: LingeringSide) -> None:
        """Tell this side when its time is up, which counts from now."""
        self._until[side] = self._clock.seconds() + LINGER_SECONDS
        if self._call is None:
            self._call = self._clock.callLater(LINGER_SECONDS, self._look)

    def cancel(self, side: LingeringSide) -> None:
        """It waits no more."""
        if self._until.pop(side, None) is not None and not self._until and self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        now = self._clock.seconds()
        while self._until:
            side, until = next(iter(self._until.items()))
            if until > now + _NEARLY:
                if self._call is None:
                    self._call = self._clock.callLater(until - now, self._look)
                return
            del self._until[side]
            side.lingered()
