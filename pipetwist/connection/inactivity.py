"""Notices that no byte has moved for a while, at no cost to the bytes that do."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Inactivity"]

# Bytes are looked at this often in the time allowed, so a connection is ended at most a tenth of it late.
_LOOKS = 10


class Inactivity:
    """Compares the bytes moved so far now and then, rather than noting the time of each.

    Args:
        clock: counts the time.
        moved: how many bytes have moved so far.
        expired: called with the seconds allowed once none has moved for so long.
    """

    __slots__ = ("_allowed", "_call", "_clock", "_expired", "_moved", "_seen", "_since")

    def __init__(self, clock: IReactorTime, moved: Callable[[], int], expired: Callable[[float], None]) -> None:
        self._clock = clock
        self._moved = moved
        self._expired = expired
        self._call: IDelayedCall | None = None
        self._allowed = 0.0
        self._seen = 0
        self._since = 0.0

    def watch(self, seconds: float | None) -> None:
        """Begin anew, with so many seconds allowed from now on; None to stop."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if seconds is not None:
            self._allowed = seconds
            self._seen = self._moved()
            self._since = self._clock.seconds()
            self._call = self._clock.callLater(seconds / _LOOKS, self._look)

    def _look(self) -> None:
        moved = self._moved()
        now = self._clock.seconds()
        if moved != self._seen:
            self._seen = moved
            self._since = now
        # A clock's sums are not exact: a look that is early by a rounding error would put the end off by a whole look.
        if now - self._since >= self._allowed * 0.999:
            self._call = None
            self._expired(self._allowed)
        else:
            self._call = self._clock.callLater(self._allowed / _LOOKS, self._look)
