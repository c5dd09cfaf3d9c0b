"""What somebody has used of a quota in each of its latest periods.

For each period there is a counter, which is used again for another one later. Its baseline is the
first second of the period, and its total is that and the bytes used; so a counter, of which the
total is never below the baseline, holds both.

The clock may be put on and back. A period that was there already is gone back to, with what was
used in it. One that was not there is opened if it comes after the present one. Otherwise a clock
that is put back a little, behind the beginning of one that was there, stays in that one; only where
it was put on by more before, between two that were there, does one begin that would have begun.
"""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from typing import Protocol, TypeAlias

__all__ = ["SLOTS", "OpenCounter", "PeriodCounter", "UnwrittenCounter", "Usage"]

SLOTS = 4
"""So many periods are kept: the present one, the one before, and others that a clock has shown
which was wrong.
"""


class PeriodCounter(Protocol):
    """The counter of one period, such as a `pipetwist.storage.store.FileCounter`."""

    @property
    def cell(self) -> MutableSequence[int] | memoryview[int]:
        """The total and the baseline, each times `unit`, and something less than a unit."""

    @property
    def unit(self) -> int:
        """What one byte adds to them."""


class UnwrittenCounter:
    """A counter that is in no file.

    Args:
        total: what a file had.
        baseline: likewise.
    """

    unit = 1

    def __init__(self, total: int = 0, baseline: int = 0) -> None:
        self.cell: MutableSequence[int] = [total, baseline]

    def __repr__(self) -> str:
        return f"<UnwrittenCounter {self.cell}>"


_NONE = 0  # no period of a calendar begins in 1970

OpenCounter: TypeAlias = Callable[[int], PeriodCounter]
"""Gets the counter of this number, from 0 to `SLOTS` - 1; a new one is at 0."""


class Usage:
    """The bytes that somebody has used.

    Args:
        begin: the first second of the present period, since 1970.
        open_counter: opens the counters.
        existing: how many there are already.
    """

    __slots__ = ("_begins", "_counter", "_counters", "_open_counter", "begin")

    def __init__(self, begin: int, open_counter: OpenCounter, existing: int = 0) -> None:
        self._open_counter = open_counter
        self._counters = [open_counter(number) for number in range(max(existing, 1))]
        self._begins = [_begin(counter) for counter in self._counters]
        # Later ones than the clock shows are from a clock that was put on.
        before = [known for known in self._begins if known <= begin]
        self.begin = max(before or self._begins)
        """The first second of the period that is counted."""
        self._counter = self._counters[self._begins.index(self.begin)]
        self.enter(begin)

    def __repr__(self) -> str:
        return f"<Usage {self.used} bytes since {self.begin}>"

    @property
    def used(self) -> int:
        """Bytes in the present period."""
        total, baseline = self._counter.cell
        unit = self._counter.unit
        return total // unit - baseline // unit

    def add(self, count: int) -> None:
        """So many bytes more are used; below 0, so many less, but none less than none."""
        counter = self._counter
        counter.cell[0] += max(count, -self.used) * counter.unit

    def reset(self) -> None:
        """Begin anew in this period."""
        self.add(-self.used)

    def enter(self, begin: int, end: int | None = None) -> None:
        """The clock shows another period now.

        Args:
            begin: its first second.
            end: that of the period after it; None if nothing is known of it.
        """
        if begin == self.begin:
            return
        if begin in self._begins:
            number = self._begins.index(begin)
        elif begin < self.begin and end is not None and end in self._begins:
            number = self._begins.index(end)
        elif begin > self.begin or any(_NONE < known < begin for known in self._begins):
            number = self._free()
            _start(self._counters[number], begin)
            self._begins[number] = begin
        else:
            return
        self._counter = self._counters[number]
        self.begin = self._begins[number]

    def _free(self) -> int:
        """The number of a counter for another period: one that had none yet, or the oldest's."""
        if _NONE in self._begins:
            return self._begins.index(_NONE)
        if len(self._counters) < SLOTS:
            self._counters.append(self._open_counter(len(self._counters)))
            self._begins.append(_NONE)
            return len(self._counters) - 1
        return self._begins.index(min(begin for begin in self._begins if begin != self.begin))


def _begin(counter: PeriodCounter) -> int:
    return int(counter.cell[1]) // counter.unit


def _start(counter: PeriodCounter, begin: int) -> None:
    """Use it for another period. A process that is killed meanwhile leaves a total that is not
    below the baseline.
    """
    cell, unit = counter.cell, counter.unit
    for number in (0, 1) if begin > _begin(counter) else (1, 0):
        cell[number] += (begin - cell[number] // unit) * unit
