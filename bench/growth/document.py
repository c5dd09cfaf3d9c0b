"""The figures of growth in docs/performance.md, and the plot beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.document import measured_on
from bench.growth.plot import plot
from bench.marked import Marked
from bench.results import Summary
from bench.tables import as_markdown

__all__ = ["Grown", "conditions", "place_in", "rewrite"]

_BEGIN = "<!-- growth: `python -m bench.growth --document` writes what follows -->"
_END = "<!-- end of growth -->"


class Grown(NamedTuple):
    """What was measured of a row.

    Attributes:
        title: the row's, for people.
        unit: of the figures.
        figures: of each setup, by its name.
    """

    title: str
    unit: str
    figures: Mapping[str, Summary]

    def ratio(self, setup: str) -> float:
        """A setup's median against that of the first one."""
        return self.figures[setup].median / next(iter(self.figures.values())).median


def place_in(document: Path) -> Marked:
    """The part of a document that the figures go into."""
    return Marked(document, _BEGIN, _END)


def rewrite(document: Path, grown: Sequence[Grown], conditions: str) -> None:
    """Put the figures into a document, and draw them into ``growth.svg`` beside it.

    Args:
        document: which.
        grown: what was measured.
        conditions: how the figures came about.

    Raises:
        MeasureError: the document has no place for them.
    """
    picture = document.with_name("growth.svg")
    table = [["measure", "with", "median", "lowest - highest", "to the first"]]
    for row in grown:
        digits = 0 if row.unit == "bytes" else 1
        table += [
            [
                f"{row.title}, {row.unit}",
                setup,
                f"{one.median:,.{digits}f}",
                f"{one.lowest:,.{digits}f} - {one.highest:,.{digits}f}",
                f"{row.ratio(setup):.2f} x",
            ]
            for setup, one in row.figures.items()
        ]
    place_in(document).write(
        "\n\n".join(
            [conditions, f"![Medians with few and with many]({picture.name})", as_markdown(table)]
        )
    )
    picture.write_text(plot(grown), encoding="utf-8")


def conditions(machine: Mapping[str, str], rounds: int, seconds: float, others: float) -> str:
    """How the figures came about.

    Args:
        machine: as `bench.machine.describe` has it.
        rounds: how many there were.
        seconds: how long each run took.
        others: the part of the machine that other programs used meanwhile.
    """
    return (
        f"{measured_on(machine)}: medians of {rounds} rounds, {seconds:g} s for each run. Other "
        f"programs used {others:.0%} of the machine meanwhile."
    )
