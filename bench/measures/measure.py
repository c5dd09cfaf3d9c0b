"""What a measure is: what is done to each relay, how often, and which quantities come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from bench.places import Kind
from bench.relays.relay import Relay
from bench.relays.running import Running

__all__ = ["Better", "Effort", "Measure", "Quantity", "Take", "Values"]

Values = Mapping[str, float]
"""What one run gives: a figure for each quantity's key."""


class Better(Enum):
    """Which of two figures is the better one."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True)
class Quantity:
    """One column of figures.

    Args:
        key: its name in the raw data.
        title: its heading, with the unit.
        better: which figures are good.
        digits: how many decimals are shown.
    """

    key: str
    title: str
    better: Better
    digits: int = 0


@dataclass(frozen=True)
class Effort:
    """How much one run does.

    Args:
        seconds: how long it takes, where time bounds it.
        idle: how many idle connections it opens.
    """

    seconds: float
    idle: int


Take = Callable[[Running, Effort], Values]
"""One run against one relay."""


@dataclass(frozen=True)
class Measure:
    """Something that is measured.

    Args:
        name: what it is called in options and in the raw data.
        title: what it is called in tables.
        kind: what the relays connect.
        relays: those that it is taken of, in this order.
        quantities: what it gives.
        take: how one run is done.
        rounds_for_each: how many rounds of it are run for each round that was asked for.
        restart_after: after so many rounds the relays are started again; never where 0.
        tries: how often a run is taken, at most, when others disturb it.
    """

    name: str
    title: str
    kind: Kind
    relays: tuple[Relay, ...]
    quantities: tuple[Quantity, ...]
    take: Take
    rounds_for_each: float = 1.0
    restart_after: int = 0
    tries: int = 2

    def rounds(self, asked: int) -> int:
        """How many rounds of it are run where so many were asked for."""
        return max(1, round(asked * self.rounds_for_each)) if asked > 1 else 1
