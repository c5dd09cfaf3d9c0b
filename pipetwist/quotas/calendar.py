"""Which period it is now, for all quotas: looked up once a second, and not for each byte."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from pipetwist.quotas.period import Period, Span

__all__ = ["Calendar", "CurrentPeriod"]


class CurrentPeriod:
    """The present one of a kind of periods.

    Attributes:
        period: the kind.
        span: the present one.
        calendar: which keeps it the present one.
    """

    __slots__ = ("calendar", "period", "span")

    def __init__(self, calendar: Calendar, period: Period, span: Span) -> None:
        self.calendar = calendar
        self.period = period
        self.span = span

    def __repr__(self) -> str:
        return f"<CurrentPeriod {self.period}: {self.span.begin} to {self.span.end}>"


class Calendar:
    """The present periods.

    Args:
        now: the time of day, in seconds since 1970. It may be put on or back.
        zone: whose calendar it is; None for the system's time zone.
    """

    def __init__(self, now: Callable[[], float], zone: tzinfo | None = None) -> None:
        self._now = now
        self.zone = zone
        self._current: dict[Period, CurrentPeriod] = {}

    def __repr__(self) -> str:
        return f"<Calendar of {list(self._current.values())}>"

    def current(self, period: Period) -> CurrentPeriod:
        """The present one of this kind; `look` keeps it the present one."""
        found = self._current.get(period)
        if found is None:
            span = period.span(self._now(), self.zone)
            found = self._current[period] = CurrentPeriod(self, period, span)
        return found

    def look(self) -> bool:
        """Look at the clock.

        Returns:
            Whether another period has begun.
        """
        now = self._now()
        changed = False
        for current in self._current.values():
            if not current.span.holds(now):
                current.span = current.period.span(now, self.zone)
                changed = True
        return changed

    def move(self, zone: tzinfo | None) -> bool:
        """From now on it is the calendar of another time zone.

        Returns:
            Whether another period has begun by that.
        """
        self.zone = zone
        now = self._now()
        before = [current.span for current in self._current.values()]
        for current in self._current.values():
            current.span = current.period.span(now, zone)
        return before != [current.span for current in self._current.values()]
