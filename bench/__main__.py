"""The benchmark: runs the measures, prints their tables and what must be reached, and writes the
raw data and, if asked, the document.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.document import DOCUMENT, place_in, rewrite
from bench.generator import build
from bench.machine import describe
from bench.measures.catalogue import MEASURES, RELAYS
from bench.measures.measure import Effort, Measure
from bench.processes import MeasureError, allow_many_descriptors
from bench.relays.pipetwist import Pipetwist
from bench.relays.relay import Relay
from bench.results import Results
from bench.rounds import Rounds
from bench.tables import as_text, measure_rows, requirement_rows

__all__ = ["main"]

_QUICK = Effort(seconds=0.05, idle=50)


@dataclass(frozen=True)
class Request:
    """What is asked for on the command line."""

    measures: tuple[Measure, ...]
    relays: tuple[Relay, ...]
    rounds: int
    effort: Effort
    out: Path | None
    source: Path | None
    document: bool


def main(words: Sequence[str]) -> int:
    """Do what the words ask for; the status is 1 where that is not possible."""
    request = _request(words)
    try:
        if request.document:
            place_in(DOCUMENT).around()  # or the want of a place would show after all the measuring
        results = Results.read(request.source) if request.source else _measured(request)
    except MeasureError as reason:
        print(f"bench: {reason}", file=sys.stderr)
        return 1
    for measure in request.measures:
        rows = measure_rows(measure, results)
        if len(rows) > 1:
            print(as_text(f"{measure.name}: {measure.title}", rows), end="\n\n")
    rows = requirement_rows(results, [measure.name for measure in request.measures])
    if len(rows) > 1:
        print(
            as_text("What must be reached (medians; ratios of pipetwist to the other)", rows),
            end="\n\n",
        )
    for line in results.left_out:
        print(line)
    print(f"Other programs used {results.disturbance:.0%} of the machine during the runs (median).")
    if request.document:
        rewrite(DOCUMENT, results)
    return 0


def _measured(request: Request) -> Results:
    """Run everything, and write the raw data.

    Raises:
        MeasureError: there is no load generator.
    """
    build()
    allow_many_descriptors()
    missing = {relay.name: reason for relay in request.relays if (reason := relay.missing())}
    here = tuple(relay for relay in request.relays if relay.name not in missing)
    effort = request.effort
    settings = {"rounds": request.rounds, "seconds": effort.seconds, "idle": effort.idle}
    results = Results(describe(), {relay.name: relay.version() for relay in here}, settings)
    results.left_out += [f"{name} is left out: {reason}" for name, reason in missing.items()]
    out = request.out or Path(tempfile.mkdtemp(prefix="bench-")) / "results.json"
    scratch = Path(tempfile.mkdtemp(prefix="bench-"))
    rounds = Rounds(scratch, effort, results, _progress)
    try:
        for measure in request.measures:
            rounds.run(
                measure, [relay for relay in measure.relays if relay in here], request.rounds
            )
            results.write(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _progress(f"the raw data: {out}")
    return results


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _request(words: Sequence[str]) -> Request:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"Measures: {', '.join(_names(MEASURES))}.",
    )
    parser.add_argument(
        "--only",
        metavar="MEASURES",
        help="only these, with commas between; a name's beginning will do",
    )
    parser.add_argument(
        "--relays", metavar="RELAYS", help=f"only these of {', '.join(_names(RELAYS))}"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="pipetwist from another checkout as well, as the relay `other`",
    )
    parser.add_argument("--rounds", type=int, default=9, help="how many rounds there are (9)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.35,
        help="how long each run takes (0.35); many short ones say more than few long",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one short round of pipetwist and socat, to see that everything works",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where the raw data go, as JSON; a new scratch file where absent",
    )
    parser.add_argument(
        "--from",
        type=Path,
        metavar="FILE",
        dest="source",
        help="measure nothing: take the raw data of an earlier run",
    )
    parser.add_argument(
        "--document",
        action="store_true",
        help="write the tables into docs/performance.md, and the plot beside it",
    )
    options = parser.parse_args(words)
    measures = tuple(measure for measure in MEASURES if _chosen(measure.name, options.only))
    wanted = options.relays or ("pipetwist,socat" if options.quick else None)
    relays = tuple(relay for relay in RELAYS if wanted is None or relay.name in wanted.split(","))
    if not measures or not relays:
        parser.error("there is no measure or relay of that name")
    if options.against is not None:
        other = Pipetwist("other", checkout=options.against.resolve())
        relays = (*relays, other)
        measures = tuple(replace(measure, relays=(*measure.relays, other)) for measure in measures)
    effort = _QUICK if options.quick else Effort(options.seconds, idle=4000)
    rounds = 1 if options.quick else options.rounds
    return Request(measures, relays, rounds, effort, options.out, options.source, options.document)


def _chosen(name: str, only: str | None) -> bool:
    return only is None or any(name.startswith(beginning) for beginning in only.split(","))


def _names(things: Sequence[Measure] | Sequence[Relay]) -> list[str]:
    return [thing.name for thing in things]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
