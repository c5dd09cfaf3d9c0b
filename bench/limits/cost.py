"""What a limit costs: the processor time of one limited stream, against that of an unlimited one
whose sender keeps the same rate.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.limits.ends import Figures, measure
from bench.limits.relays import LIMITED, UNLIMITED, Limited

__all__ = ["Pair", "measure_pairs"]


class Pair(NamedTuple):
    """One after the other.

    Attributes:
        limited: processor seconds for a GB.
        unlimited: the same without a limit.
        rates: megabits a second that came, of both.
    """

    limited: float
    unlimited: float
    rates: tuple[float, float]

    @property
    def ratio(self) -> float:
        """How many times as much the limited one took."""
        return self.limited / self.unlimited


def measure_pairs(megabits: float, pairs: int, seconds: float) -> list[Pair]:
    """Take pairs: one of the two first, and then the other.

    Args:
        megabits: the rate of both.
        pairs: how many.
        seconds: how long each run takes.

    Raises:
        MeasureError: a daemon does not start.
    """
    found = []
    for number in range(pairs):
        order = (LIMITED, UNLIMITED)[:: -1 if number % 2 else 1]
        runs = {relay: _run(relay, megabits, seconds) for relay in order}
        limited, unlimited = runs[LIMITED], runs[UNLIMITED]
        found.append(
            Pair(_for_a_gb(limited), _for_a_gb(unlimited), (_rate(limited), _rate(unlimited)))
        )
    return found


def _run(relay: Limited, megabits: float, seconds: float) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        return measure(relay, megabits, seconds, Path(folder))


def _for_a_gb(figures: Figures) -> float:
    return figures.cpu_seconds * 1e9 / max(figures.total, 1)


def _rate(figures: Figures) -> float:
    return figures.total * 8 / figures.seconds / 1e6
