"""Sides that wait until their peers close. All have the same time-out, so one timer is enough for
all of them.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["LINGER_SECONDS", "Lingering", "LingeringSide"]

LINGER_SECONDS = 2.0
"""How long a side that we close waits for its peer: for the end of file, or for it to read what is
buffered.
"""
# Sums of times are not exact: a side that is early by a rounding error counts as due.
_NEARLY = 1e-6


class LingeringSide(Protocol):
    """A side that waits."""

    def lingered(self) -> None:
        """The time-out has passed."""


class Lingering:
    """The time-outs of the sides that wait, in the order in which they began.

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
        """Call this side after the time-out, which begins now."""
        self._until[side] = self._clock.seconds() + LINGER_SECONDS
        if self._call is None:
            self._call = self._clock.callLater(LINGER_SECONDS, self._look)

    def cancel(self, side: LingeringSide) -> None:
        """It does not wait any more."""
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
