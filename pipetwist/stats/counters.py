"""Counters in this process's memory."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar, final

from zope.interface import implementer

from pipetwist.interfaces import CounterLike, ICellCounter, ICounterStore

__all__ = ["MemoryCounter", "MemoryCounterStore", "SortedCounters"]

C = TypeVar("C", bound=CounterLike)


@final
@implementer(ICellCounter)
class MemoryCounter:
    """A counter in this process's memory.

    The total has one writer, the reactor's thread, so that an add needs no lock; resets in other
    threads only move the baseline, and exclude each other. A total read by a reset is some total
    that was true: what is added afterwards belongs to the next value.
    """

    __slots__ = ("_baseline", "_resetting", "cell", "name")

    unit = 1
    """See `ICellCounter`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cell = [0]
        self._baseline = 0
        self._resetting = Lock()

    def add(self, count: int) -> None:
        self.cell[0] += count

    def total(self) -> int:
        return self.cell[0]

    def value(self) -> int:
        with self._resetting:
            return self.cell[0] - self._baseline

    def reset(self) -> int:
        with self._resetting:
            total = self.cell[0]
            value = total - self._baseline
            self._baseline = total
        return value


class SortedCounters(Generic[C]):
    """Counters by name, sorted anew only where some have come: that holds the interpreter for
    milliseconds where they are ten thousand.

    Args:
        counters: those there are; none of them ever goes.
    """

    def __init__(self, counters: dict[str, C]) -> None:
        self._counters = counters
        self._sorted: list[C] = []

    def all(self) -> list[C]:
        """All of them; may be called from any thread."""
        known = self._sorted
        if len(known) != len(self._counters):
            # A dict's copy is one step for other threads; iterating the dict itself would meet the
            # reactor's insertions.
            known = self._sorted = [counter for _, counter in sorted(self._counters.copy().items())]
        return known.copy()


@implementer(ICounterStore)
class MemoryCounterStore:
    """Counters that end with the process."""

    def __init__(self) -> None:
        self._counters: dict[str, MemoryCounter] = {}
        self._sorted = SortedCounters(self._counters)

    def counter(self, name: str) -> MemoryCounter:
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = MemoryCounter(name)
        return counter

    def get(self, name: str) -> MemoryCounter | None:
        return self._counters.get(name)

    def counters(self) -> list[MemoryCounter]:
        return self._sorted.all()
