"""Notices that no byte has moved for a while, at no cost to the bytes that do."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["IdleChecker", "Watched"]

# Bytes are looked at this often in the time allowed, so a connection is ended at most a tenth of it
# late.
_LOOKS = 10


class Watched:
    """What inherits this can be watched: the bytes moved so far are compared now and then, and the
    time of none is noted.
    """

    __slots__ = ("_check", "_seen", "_since")

    def __init__(self) -> None:
        self._check: _IdleCheck | None = None
        self._seen = 0
        self._since = 0.0

    @property
    def moved(self) -> int:
        """How many bytes have moved so far."""
        raise NotImplementedError

    def expired(self, allowed: float) -> None:
        """None has moved for as many seconds as were allowed; it is not watched any more."""
        raise NotImplementedError

    def watch(self, idle_checker: IdleChecker, allowed: float | None) -> None:
        """Begin anew, with so many seconds allowed from now on; None to stop."""
        before = self._check
        if allowed is None:
            if before is not None:
                self._check = None
                del before.watched[self]
            return
        self._seen = self.moved
        self._since = idle_checker.clock.seconds()
        if before is None or before.allowed != allowed:
            if before is not None:
                del before.watched[self]
            self._check = found = idle_checker.find(allowed)
            found.join(self)

    def look(self, now: float, allowed: float) -> bool:
        """Whether nothing has moved for as long as is allowed."""
        moved = self.moved
        if moved != self._seen:
            self._seen = moved
            self._since = now
        # A clock's sums are not exact: a look that is early by a rounding error would put the end
        # off by a whole look.
        return now - self._since >= allowed * 0.999

    def expire(self, allowed: float) -> None:
        """Say so."""
        self._check = None
        self.expired(allowed)


class _IdleCheck:
    """Those who are allowed the same time."""

    def __init__(self, clock: IReactorTime, allowed: float) -> None:
        self._clock = clock
        self.allowed = allowed
        self._call: IDelayedCall | None = None
        self.watched: dict[Watched, None] = {}

    def join(self, one: Watched) -> None:
        self.watched[one] = None
        if self._call is None:
            self._call = self._clock.callLater(self.allowed / _LOOKS, self._look)

    def stop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        now = self._clock.seconds()
        for one in [one for one in self.watched if one.look(now, self.allowed)]:
            # An end that was told before may have ended this one as well.
            if one in self.watched:
                del self.watched[one]
                one.expire(self.allowed)
        if self.watched and self._call is None:
            self._call = self._clock.callLater(self.allowed / _LOOKS, self._look)


class IdleChecker:
    """Looks at all in rounds, one for each time that is allowed somewhere: a connection adds no
    timer of its own.

    Args:
        clock: counts the time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self._checks: dict[float, _IdleCheck] = {}

    def find(self, allowed: float) -> _IdleCheck:
        """The round of those who are allowed so much."""
        found = self._checks.get(allowed)
        if found is None:
            found = self._checks[allowed] = _IdleCheck(self.clock, allowed)
        return found

    def rest(self) -> None:
        """Nobody is watched: leave no timer behind until somebody is."""
        for one in self._checks.values():
            one.stop()
