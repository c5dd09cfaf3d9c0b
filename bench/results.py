"""What the runs gave: each sample, and the medians of them; as an object and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Results", "Sample", "Summary"]


@dataclass(frozen=True)
class Sample:
    """One run of one measure against one relay.

    Args:
        measure: its name.
        relay: its name.
        round: which round, from 1.
        values: a figure for each quantity's key.
        others: the part of the machine that other programs used meanwhile.
    """

    measure: str
    relay: str
    round: int
    values: Mapping[str, float]
    others: float


@dataclass(frozen=True)
class Summary:
    """The figures of one quantity over the rounds."""

    median: float
    lowest: float
    highest: float


@dataclass
class Results:
    """All the samples, and what they were taken with.

    Args:
        machine: what is known of the machine, as texts for people.
        versions: the versions of the relays, by their names.
        settings: how much was done.
        samples: the samples, in the order of time.
        left_out: what was not measured, a line each.
    """

    machine: dict[str, str]
    versions: dict[str, str]
    settings: dict[str, float]
    samples: list[Sample] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def summary(self, measure: str, relay: str, quantity: str) -> Summary | None:
        """The figures of one quantity; None if it was not measured."""
        figures = self._by_round(measure, relay, quantity).values()
        return Summary(median(figures), min(figures), max(figures)) if figures else None

    def pairs(
        self, measure: str, ours: str, theirs: str, quantity: str
    ) -> list[tuple[float, float]]:
        """The figures of two relays, of each round that has both: what the machine does in that
        round falls on both.
        """
        one, other = (
            self._by_round(measure, ours, quantity),
            self._by_round(measure, theirs, quantity),
        )
        return [(figure, other[number]) for number, figure in one.items() if number in other]

    def _by_round(self, measure: str, relay: str, quantity: str) -> dict[int, float]:
        taken = (
            sample for sample in self.samples if sample.measure == measure and sample.relay == relay
        )
        return {
            sample.round: sample.values[quantity] for sample in taken if quantity in sample.values
        }

    @property
    def disturbance(self) -> float:
        """The part of the machine that other programs used during the runs (median)."""
        return median(sample.others for sample in self.samples) if self.samples else 0.0

    def write(self, path: Path) -> None:
        """Write everything into a file."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what was written."""
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**raw, "samples": [Sample(**sample) for sample in raw["samples"]]})
