"""Compares the relay's own work in two checkouts: ``python -m bench.turns --against FOLDER``.

Both run at once, and take turns of 20 ms: A B, B A and so on. The ratio of a pair is the median of
its turns' ratios. What counts is the median of the pairs' ratios; the exit status is 1 where one is
above the bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from bench.bounds import MISSED
from bench.turns.taking import take_in_turns

_MAX_RATIO = 1.02
_PIECE_SECONDS = 0.02
_ROOT = Path(__file__).parent.parent.parent


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each measure; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.turns", description=__doc__.partition("\n")[0] if __doc__ else None
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="another checkout, for example a worktree of the commit before",
    )
    parser.add_argument("--pairs", type=int, default=20, help="how many (20)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each run takes (1)")
    parser.add_argument(
        "--at-most",
        type=float,
        default=_MAX_RATIO,
        metavar="RATIO",
        help=f"the bound of the median ratio ({_MAX_RATIO:g})",
    )
    given = parser.parse_args(words)
    status = 0
    pieces_of_each = max(1, round(given.seconds / _PIECE_SECONDS))
    for kind, what in product(("unix", "tcp"), ("connection", "round-trip")):
        roots = [_ROOT, *([given.against.resolve()] if given.against else [])]
        pairs = []
        for number in range(given.pairs):
            order = roots[:: -1 if number % 2 else 1]
            pieces = take_in_turns(order, kind, what, _PIECE_SECONDS, pieces_of_each)
            pairs.append([piece[:: -1 if number % 2 else 1] for piece in pieces])
        here, *there = (
            statistics.median(column)
            for column in zip(*(piece for pair in pairs for piece in pair), strict=True)
        )
        line = f"{kind} {what}: {here:.2f} us"
        if there:
            ratios = sorted(
                statistics.median(ours / theirs for ours, theirs in pair) for pair in pairs
            )
            middle = statistics.median(ratios)
            kept = middle <= given.at_most
            line += (
                f", the other {there[0]:.2f} us; ratio {middle:.3f} "
                f"({ratios[0]:.3f} to {ratios[-1]:.3f}), at most {given.at_most:g}: "
                f"{'kept' if kept else 'MISSED'}"
            )
            status = status if kept else MISSED
        print(line, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
