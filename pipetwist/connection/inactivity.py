"""Notices that no byte has moved for a while, at no cost to the bytes that do."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Inactivity", "Rounds"]

# Bytes are looked at this often in the time allowed, so a connection is ended at most a tenth of it late.
_LOOKS = 10


class Inactivity:
    """Compares the bytes moved so far now and then, rather than noting the time of each.

    Args:
        rounds: looks at this one, with all others of the same allowance.
        moved: how many bytes have moved so far.
        expired: called with the seconds allowed once none has moved for so long.
    """

    __slots__ = ("_expired", "_moved", "_round", "_rounds", "_seen", "_since")

    def __init__(self, rounds: Rounds, moved: Callable[[], int], expired: Callable[[float], None]) -> None:
        self._rounds = rounds
        self._moved = moved
        self._expired = expired
        self._round: _Round | None = None
        self._seen = 0
        self._since = 0.0

    def watch(self, seconds: float | None) -> None:
        """Begin anew, with so many seconds allowed from now on; None to stop."""
        if self._round is not None:
            self._round.watched.pop(self, None)
            self._round = None
        if seconds is not None:
            self._seen = self._moved()
            self._since = self._rounds.clock.seconds()
            self._round = self._rounds.join(self, seconds)

    def look(self, now: float, allowed: float) -> bool:
        """Whether nothing has moved for as long as is allowed."""
        moved = self._moved()
        if moved != self._seen:
            self._seen = moved
            self._since = now
        # A clock's sums are not exact: a look that is early by a rounding error would put the end off by a whole look.
        return now - self._since >= allowed * 0.999

    def expire(self, allowed: float) -> None:
        """Say so."""
        self._round = None
        self._expired(allowed)


class _Round:
    """Those who are allowed the same time."""

    def __init__(self, clock: IReactorTime, allowed: float) -> None:
        self._clock = clock
        self._allowed = allowed
        self._call: IDelayedCall | None = None
        self.watched: dict[Inactivity, None] = {}

    def join(self, inactivity: Inactivity) -> None:
        self.watched[inactivity] = None
        if self._call is None:
            self._call = self._clock.callLater(self._allowed / _LOOKS, self._look)

    def stop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        now = self._clock.seconds()
        for inactivity in [one for one in self.watched if one.look(now, self._allowed)]:
            # An end that was told before may have ended this one as well.
            if inactivity in self.watched:
                del self.watched[inactivity]
                inactivity.expire(self._allowed)
        if self.watched and self._call is None:
            self._call = self._clock.callLater(self._allowed / _LOOKS, self._look)


class Rounds:
    """Looks at connections in rounds, one for each time that is allowed somewhere: a connection adds no timer of its own.

    Args:
        clock: counts the time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self._rounds: dict[float, _Round] = {}

    def join(self, inactivity: Inactivity, seconds: float) -> _Round:
        """Look at this one from now on."""
        found = self._rounds.get(seconds)
        if found is None:
            found = self._rounds[seconds] = _Round(self.clock, seconds)
        found.join(inactivity)
        return found

    def rest(self) -> None:
        """Nobody is watched: leave no timer behind until somebody is."""
        for one in self._rounds.values():
            one.stop()
