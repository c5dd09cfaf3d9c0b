"""Measures one limited connection of pipetwist beside one of nginx: ``python -m bench.limits``.

A server sends as fast as it can, and what comes to the client is added up. nginx limits by
``proxy_download_rate`` (libnginx-mod-stream), each connection by itself. For each rate a line says
by how much the worst 200 ms and the worst 2 s are away from the figure, once the burst is used,
and what a gigabyte costs the relay's processor. The last line is an unlimited pipetwist that is fed
at the same rate.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.limits.ends import Figures, measure
from bench.limits.relays import RELAYS, Limited
from bench.processes import MeasureError

_MEGABITS = (1.0, 10.0, 100.0, 1000.0)


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each rate and relay; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.limits", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each run takes (5)")
    parser.add_argument(
        "--megabits", type=float, nargs="*", default=_MEGABITS, help="rates (1 10 100 1000)"
    )
    given = parser.parse_args(words)
    for megabits in given.megabits:
        for relay in RELAYS:
            print(_line(relay, megabits, given.seconds), flush=True)
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
