"""Measures the relay's own work with few and with many open connections, counted users and
inbounds: ``python -m bench.growth``.

The figures are taken as `bench.turns` takes them, the setups of a row in turns. What counts is the
median of each, against that of the row's first. The exit status is 1 where one is above the bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.bounds import MISSED
from bench.disturbance import Disturbance
from bench.document import DOCUMENT
from bench.growth.document import Grown, conditions, place_in, rewrite
from bench.machine import describe
from bench.processes import MeasureError
from bench.results import Summary
from bench.turns.relay import Setup
from bench.turns.taking import take

_MAX_RATIO = 1.1
_ROOT = Path(__file__).parent.parent.parent


class Row(NamedTuple):
    """Setups that are compared.

    Attributes:
        kind: of the sockets.
        what: is measured.
        title: for people.
        unit: of the figures.
        setups: the first is what the others are compared with, by their names.
    """

    kind: str
    what: str
    title: str
    unit: str
    setups: dict[str, Setup]


def rows(most: int) -> Iterator[Row]:
    """What is measured.

    Args:
        most: how many connections are open at the most.
    """
    opened = {f"{count:,} open": Setup(open=count) for count in (10, 1000, most)}
    held = dict(list(opened.items())[1:])  # ten fit into a page
    users = {f"{count:,} users": Setup(users=count) for count in (10, 1000, 10000)}
    inbounds = {f"{count:,} inbounds": Setup(inbounds=count) for count in (1, 10, 100)}
    for kind in ("unix", "tcp"):
        yield Row(kind, "connection", f"{kind}, a short connection", "us", {**opened, **inbounds})
        yield Row(kind, "round-trip", f"{kind}, a round trip", "us", {**opened, **inbounds})
        yield Row(kind, "memory", f"{kind}, an idle connection", "bytes", held)
    yield Row("unix", "connection", "unix, a short connection of a user", "us", users)
    yield Row("unix", "round-trip", "unix, a round trip of a user", "us", users)


def measure(row: Row, rounds: int, seconds: float) -> dict[str, Summary]:
    """The figures of each setup."""
    figures: dict[str, list[float]] = {name: [] for name in row.setups}
    for number in range(rounds):
        for name in list(figures)[:: -1 if number % 2 else 1]:
            figures[name].append(take(_ROOT, row.kind, row.what, seconds, row.setups[name]))
    return {
        name: Summary(statistics.median(some), min(some), max(some))
        for name, some in figures.items()
    }


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each setup; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth", description=__doc__.partition("\n")[0] if __doc__ else None
    )
    parser.add_argument("--rounds", type=int, default=9, help="how many (9)")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each run takes (0.5)")
    parser.add_argument(
        "--most",
        type=int,
        default=10_000,
        metavar="CONNECTIONS",
        help="the most that are open (10,000, which takes 21,000 descriptors)",
    )
    parser.add_argument(
        "--document",
        action="store_true",
        help="write the figures into docs/performance.md, and draw them into docs/growth.svg",
    )
    given = parser.parse_args(words)
    if given.document:
        try:
            place_in(DOCUMENT).around()  # or the want of a place would show after all the measuring
        except MeasureError as reason:
            parser.error(str(reason))
    status = 0
    drawn = []
    machine, disturbance = describe(), Disturbance(lambda: 0.0)
    for row in rows(given.most):
        figures = measure(row, given.rounds, given.seconds)
        grown = Grown(row.title, row.unit, figures)
        drawn.append(grown)
        for name, summary in figures.items():
            ratio = grown.ratio(name)
            kept = ratio <= _MAX_RATIO
            status = status if kept else MISSED
            print(
                f"{row.title}, {name}: {summary.median:.2f} {row.unit} ({summary.lowest:.2f} to "
                f"{summary.highest:.2f}); ratio {ratio:.3f}, at most {_MAX_RATIO:g}: "
                f"{'kept' if kept else 'MISSED'}",
                flush=True,
            )
    others = disturbance.share()
    print(f"Other programs used {others:.0%} of the machine meanwhile.")
    if given.document:
        rewrite(DOCUMENT, drawn, conditions(machine, given.rounds, given.seconds, others))
    return status


if __name__ == "__main__":
    sys.exit(main())
