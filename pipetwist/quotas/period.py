"""The periods of a calendar that quotas are for."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

__all__ = ["Per", "Period", "Span"]

Per = Literal["hour", "day", "week", "month"]

_HOUR_SECONDS = 3600


class Span(NamedTuple):
    """One period, in seconds since 1970.

    Attributes:
        begin: its first second. It is what tells one period from another.
        end: the first second of the next one; None if there is no next one.
    """

    begin: int
    end: int | None

    def holds(self, when: float) -> bool:
        """Whether a moment is in it."""
        return self.begin <= when and (self.end is None or when < self.end)


class Period(NamedTuple):
    """What a quota is for. Clocks that are put on or back for summer make an hour of it more or
    less.

    Attributes:
        per: the length; a week begins on Monday. None for all time.
        starts: the day on which a month begins, from 1 to 28.
    """

    per: Per | None = None
    starts: int = 1

    def __str__(self) -> str:
        if self.per is None:
            return "in all"
        article = "an" if self.per == "hour" else "a"
        return f"{article} {self.per}" + (f" from day {self.starts}" if self.starts > 1 else "")

    @property
    def name(self) -> str:
        """Its name in a file."""
        return f"{self.per or 'all'}-{self.starts}" if self.per == "month" else self.per or "all"

    def span(self, when: float, zone: tzinfo | None) -> Span:
        """The period that a moment is in.

        Args:
            when: in seconds since 1970.
            zone: whose calendar it is; None for the system's time zone.
        """
        if self.per is None:
            return Span(0, None)
        local = datetime.fromtimestamp(int(when), zone)
        if self.per == "hour":
            begin = int(when) - local.minute * 60 - local.second
            return Span(begin, begin + _HOUR_SECONDS)
        first, following = self._days(local.date())
        return Span(_midnight(first, zone), _midnight(following, zone))

    def _days(self, day: date) -> tuple[date, date]:
        """Its first day, and that of the next one."""
        if self.per == "day":
            return day, day + timedelta(days=1)
        if self.per == "week":
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
        first = day.replace(day=self.starts)
        if day.day < self.starts:
            first = _month_after(first, -1)
        return first, _month_after(first, 1)


def _month_after(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    return day.replace(year=day.year + years, month=month + 1)


def _midnight(day: date, zone: tzinfo | None) -> int:
    """The first moment of a day. Where a clock is put on at midnight that is when this happens."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
