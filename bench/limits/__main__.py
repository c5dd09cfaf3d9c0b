"""Measures what limits do, and what they cost: ``python -m bench.limits``.

``figures``: one limited connection of pipetwist beside one of nginx. A server sends as fast as it
can, and what comes to the client is added up. nginx limits by ``proxy_download_rate``
(libnginx-mod-stream), each connection by itself. For each rate a line says by how much the worst
200 ms and the worst 2 s are away from the figure, once the burst is used, and what a gigabyte costs
the relay's processor.

``cost``: the processor time of a limited stream against that of an unlimited one whose sender keeps
the same rate, by pieces of 2 ms, in pairs. The median of the ratios must keep a bound from 100
Mbit/s on; slower ones are not measured.

``busy``: round trips of a client without limits while 1,000 of 10,000 users with limits want more
than they may, and the memory for each of those users; both must keep a bound.

The exit status is 1 where a bound is missed, and 2 where something could not be measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.bounds import MISSED, NOT_MEASURED
from bench.disturbance import Disturbance
from bench.generator import build
from bench.limits.busy import measure_busy, memory_of_users
from bench.limits.cost import measure_pairs
from bench.limits.ends import Figures, measure
from bench.limits.relays import RELAYS, Limited
from bench.processes import MeasureError, allow_many_descriptors

_MEGABITS = (1.0, 10.0, 100.0, 1000.0)
_PARTS = ("figures", "cost", "busy")
_MOST_TIMES_AS_MUCH = 1.05
_FROM_MEGABITS = 100.0
_MOST_MILLISECONDS = 10.0
_MOST_BYTES = 2048


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each figure; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.limits", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", choices=_PARTS, action="append", help="this part alone")
    parser.add_argument("--seconds", type=float, default=2.5, help="how long each run takes (2.5)")
    parser.add_argument(
        "--megabits", type=float, nargs="*", default=_MEGABITS, help="rates (1 10 100 1000)"
    )
    parser.add_argument("--pairs", type=int, default=3, help="how many for the cost (3)")
    parser.add_argument("--users", type=int, default=10_000, help="how many have limits (10,000)")
    parser.add_argument("--busy", type=int, default=1000, help="how many are busy (1,000)")
    parser.add_argument("--each", type=float, default=0.5, help="megabits a second of each (0.5)")
    parser.add_argument("--runs", type=int, default=3, help="how many of the round trips (3)")
    given = parser.parse_args(words)
    parts = {"figures": _figures, "cost": _cost, "busy": _busy}
    disturbance = Disturbance(lambda: 0.0)
    missed = False
    try:
        for name in given.only or _PARTS:
            for line, kept in parts[name](given):
                missed = missed or not kept
                print(line, flush=True)
    except MeasureError as reason:
        print(f"bench.limits: {reason}", file=sys.stderr)
        return NOT_MEASURED
    print(f"Other programs used {disturbance.share():.0%} of the machine.")
    return MISSED if missed else 0


def _figures(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    for megabits in given.megabits:
        for relay in RELAYS:
            yield _line(relay, megabits, given.seconds), True


def _line(relay: Limited, megabits: float, seconds: float) -> str:
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(relay, megabits, seconds, Path(folder))
    except MeasureError as error:
        return f"{megabits:g} Mbit/s, {relay.name}: not measured: {error}"
    return f"{megabits:g} Mbit/s, {relay.name}: {_text(figures, megabits)}"


def _text(figures: Figures, megabits: float) -> str:
    wanted = megabits * 125_000
    short, long = (
        max((abs(count - wanted * length) for count in counts), default=0.0) / (wanted * length)
        for length, counts in ((0.2, figures.in_200_ms), (2.0, figures.in_2_s))
    )
    return (
        f"{figures.total * 8 / figures.seconds / 1e6:.3f} Mbit/s, 200 ms within {short:.1%}, "
        f"2 s within {long:.2%}, {figures.cpu_seconds * 1e9 / max(figures.total, 1):.2f} s of "
        "processor time for a GB"
    )


def _cost(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    for megabits in filter(_FROM_MEGABITS.__le__, given.megabits):
        pairs = measure_pairs(megabits, given.pairs, given.seconds)
        ratio = median(pair.ratio for pair in pairs)
        kept = ratio <= _MOST_TIMES_AS_MUCH
        limited, unlimited = (
            median(getattr(pair, name) for pair in pairs) for name in ("limited", "unlimited")
        )
        rates = [median(pair.rates[place] for pair in pairs) for place in (0, 1)]
        said = (
            f"{megabits:g} Mbit/s, limited and not: {limited:.3f} and {unlimited:.3f} s of "
            f"processor time for a GB, at {rates[0]:.1f} and {rates[1]:.1f} Mbit/s; median ratio "
            f"{ratio:.3f} of {' '.join(f'{pair.ratio:.3f}' for pair in pairs)}, at most "
            f"{_MOST_TIMES_AS_MUCH:g}: {_said(kept)}"
        )
        yield said, kept


def _busy(given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    build()
    allow_many_descriptors()
    with tempfile.TemporaryDirectory() as folder:
        found = measure_busy(
            Path(folder), given.users, given.busy, given.each, given.runs, given.seconds
        )
    middle = median(found.trips)
    kept = middle <= _MOST_MILLISECONDS
    said = (
        f"{given.users} users with limits: p99 of round trips {_rounded(found.quiet)} ms while "
        f"nobody else is there, {_rounded(found.trips)} ms while {given.busy} of them are busy, "
        f"who get {found.share:.1%} of {given.each:g} Mbit/s each and take "
        f"{found.processor:.0%} of a processor; median {middle:.2f} ms, at most "
        f"{_MOST_MILLISECONDS:g}: {_said(kept)}"
    )
    yield said, kept
    with tempfile.TemporaryDirectory() as folder:
        needed = memory_of_users(Path(folder), given.users, given.each)
    kept = needed < _MOST_BYTES
    said = f"memory for each user with limits: {needed:.0f} bytes, less than {_MOST_BYTES}"
    yield f"{said}: {_said(kept)}", kept


def _rounded(milliseconds: Sequence[float]) -> str:
    return " ".join(f"{one:.2f}" for one in milliseconds)


def _said(kept: bool) -> str:
    return "kept" if kept else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
