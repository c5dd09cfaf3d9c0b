"""Bounds that a measure of time has to keep: what is said of each, and the exit status."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

__all__ = ["MISSED", "NOT_MEASURED", "Bounds"]

MISSED = 1
"""The exit status where a bound is missed."""
NOT_MEASURED = 2
"""The exit status where it could not be measured."""


class Bounds:
    """Judges medians.

    Args:
        most: milliseconds that a median may be.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._missed: list[str] = []

    def judge(self, name: str, milliseconds: Sequence[float]) -> str:
        """The median of a measure's runs, the bound, and whether it is kept, for people."""
        middle = median(milliseconds)
        kept = middle <= self._most
        if not kept:
            self._missed.append(name)
        return f"median {middle:.2f} ms, at most {self._most:g} ms: {'kept' if kept else 'MISSED'}"

    @property
    def status(self) -> int:
        """The exit status."""
        return MISSED if self._missed else 0

    @property
    def summary(self) -> str:
        """Which bounds are missed, for people."""
        if self._missed:
            return f"The bound is missed by: {', '.join(self._missed)}."
        return "Every bound is kept."
