"""What all connections of one user together may still move in a period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pipetwist.kinds.limit_options import QuotaOptions
from pipetwist.quotas.calendar import CurrentPeriod
from pipetwist.quotas.period import Period, Span
from pipetwist.quotas.usage import Usage

__all__ = ["Direction", "Quota", "counted"]

Direction = Literal["up", "down"]

_NEVER = 2**63


def counted(options: QuotaOptions) -> str:
    """What a quota counts, and for how long, such as ``month-15-both``."""
    return f"{Period(options.per, options.starts).name}-{options.count}"


class Quota:
    """The quotas of one user that count the same. Whoever wants to move bytes takes them here
    first, so that no more than the amount pass, however many connections there are.

    Args:
        options: those quotas, of the same period, and counting the same direction.
        usage: what was used.
        current: which period it is.
        met: is called, with this, whenever somebody gets nothing; `go_on` follows.
    """

    __slots__ = ("_current", "_end", "_held", "_met", "_reached", "_unmet", "options", "usage")

    def __init__(
        self,
        options: Sequence[QuotaOptions],
        usage: Usage,
        current: CurrentPeriod,
        met: Callable[[Quota], None],
    ) -> None:
        self.options = tuple(sorted(options, key=lambda one: one.bytes))
        self.usage = usage
        self._current = current
        self._met = met
        ends = [one.bytes for one in options if one.then is None]
        self._end = min(ends, default=None)
        self._unmet = self.options[0].bytes
        """What is used when the next of them is."""
        self._reached = 0
        """What was used when the one before was."""
        self._held = False  # until those who were told have set other limits

    def __repr__(self) -> str:
        amounts = ", ".join(str(one.bytes) for one in self.options)
        return f"<Quota of {amounts} bytes {self._current.period}: {self.used} used>"

    @property
    def used(self) -> int:
        """Bytes that were used in this period."""
        self._enter()
        return self.usage.used

    @property
    def period(self) -> Period:
        """The kind of periods."""
        return self._current.period

    @property
    def counted(self) -> str:
        """What is counted, and for how long, such as ``month-15-both``."""
        return counted(self.options[0])

    @property
    def amount(self) -> int:
        """Bytes that there are until connections end; if they never do, of the largest."""
        return self.options[-1].bytes if self._end is None else self._end

    @property
    def span(self) -> Span:
        """The period that is counted: the present one, unless the clock was put back."""
        self._enter()
        current, begin = self._current, self.usage.begin
        if current.span.begin == begin:
            return current.span
        return current.period.span(begin, current.calendar.zone)

    @property
    def used_up(self) -> list[QuotaOptions]:
        """Those of which nothing is left."""
        used = self.used
        return [one for one in self.options if one.bytes <= used]

    def counts(self, direction: Direction) -> bool:
        """Whether it counts what goes this way."""
        return self.options[0].count in (direction, "both")

    def take(self, most: int) -> int:
        """Take bytes.

        Args:
            most: no more can be used.

        Returns:
            How many; 0 if it is used up, and connections have to end or to have other limits.
        """
        self._enter()
        used = self.usage.used
        if self._held or used >= self._unmet or (self._end is not None and used >= self._end):
            self._held = True
            self._met(self)
            return 0
        taken = min(most, self._unmet - used)
        self.usage.add(taken)
        return taken

    def go_on(self) -> None:
        """Other limits hold now, for what is used up."""
        self._held = False
        self._aim()

    def give_back(self, count: int) -> None:
        """So many of those that were taken did not pass; below 0, so many more have passed."""
        self.usage.add(-count)
        # What was met is to be met once more: others may have taken all of it, and used less.
        if self.usage.used < self._reached:
            self._aim()

    def reset(self) -> None:
        """Begin anew in this period."""
        self.usage.reset()
        self._begin()

    def _enter(self) -> None:
        begin, before = self._current.span.begin, self.usage.begin
        if begin != before:
            self.usage.enter(begin, self._current.span.end)
            if self.usage.begin != before:  # it stays where the clock was put back
                self._begin()

    def _begin(self) -> None:
        self._held = False
        self._unmet, self._reached = self.options[0].bytes, 0

    def _aim(self) -> None:
        used, bounds = self.usage.used, [one.bytes for one in self.options]
        self._unmet = min((bound for bound in bounds if bound > used), default=_NEVER)
        self._reached = max((bound for bound in bounds if bound <= used), default=0)
