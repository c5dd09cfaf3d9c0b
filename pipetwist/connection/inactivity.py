"""Finds connections on which no byte has moved for a while, without a cost for each byte."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["IdleChecker", "Watched"]

# So often are bytes compared within the time allowed, so that a connection is closed at most a
# tenth of it late.
_LOOKS = 10


class Watched:
    """Base class of what can be watched. The bytes moved so far are compared now and then; no byte
    is noted with its time.
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
        """No byte has moved for the seconds allowed; it is not watched any more."""
        raise NotImplementedError

    def watch(self, idle_checker: IdleChecker, allowed: float | None) -> None:
        """Watch with this many seconds allowed from now on; None stops watching."""
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
        """Whether nothing has moved for the time allowed."""
        moved = self.moved
        if moved != self._seen:
            self._seen = moved
            self._since = now
        # Sums of times are not exact: without this, a check that is early by a rounding error would
        # delay the end until the next check.
        return now - self._since >= allowed * 0.999

    def expire(self, allowed: float) -> None:
        """Call `expired`."""
        self._check = None
        self.expired(allowed)


class _IdleCheck:
    """All connections with the same time-out."""

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
            # The end of another one may have ended this one as well.
            if one in self.watched:
                del self.watched[one]
                one.expire(self.allowed)
        if self.watched and self._call is None:
            self._call = self._clock.callLater(self.allowed / _LOOKS, self._look)


class IdleChecker:
    """Checks all connections with one timer for each time-out in use: a connection adds no timer.

    Args:
        clock: counts the time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self._checks: dict[float, _IdleCheck] = {}

    def find(self, allowed: float) -> _IdleCheck:
        """The check of the connections with this time-out."""
        found = self._checks.get(allowed)
        if found is None:
            found = self._checks[allowed] = _IdleCheck(self.clock, allowed)
        return found

    def rest(self) -> None:
        """Nothing is watched: have no timer until something is."""
        for one in self._checks.values():
            one.stop()
