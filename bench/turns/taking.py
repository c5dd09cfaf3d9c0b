"""Runs the program that takes the time of the relay's turns."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.turns.relay import ALONE, Setup

__all__ = ["take", "take_in_turns"]

_PROGRAM = Path(__file__).with_name("relay.py")


def take(root: Path, kind: str, what: str, seconds: float, setup: Setup = ALONE) -> float:
    """Microseconds of the relay of a checkout; or bytes.

    Args:
        root: the checkout.
        kind: of the sockets, ``unix`` or ``tcp``.
        what: ``connection``, ``round-trip``, or ``memory`` for the bytes of an idle connection.
        seconds: how long it is measured.
        setup: what the relay has besides.

    Raises:
        ValueError: it could not be measured.
    """
    with _running(root, kind, what, seconds, setup) as figure:
        return figure()


def take_in_turns(
    roots: Sequence[Path], kind: str, what: str, seconds: float, pieces: int
) -> list[tuple[float, ...]]:
    """Microseconds of the relays of some checkouts, which run at once and are measured piece by
    piece in turns: whatever changes the machine's speed for longer than a piece changes it for all.

    Args:
        roots: the checkouts.
        kind: of the sockets, ``unix`` or ``tcp``.
        what: ``connection`` or ``round-trip``.
        seconds: how long a piece is.
        pieces: how many each has.

    Returns:
        A figure for each checkout, of each piece.

    Raises:
        ValueError: they could not be measured.
    """
    with ExitStack() as running:
        relays = [
            running.enter_context(_running(root, kind, what, seconds, ALONE)) for root in roots
        ]
        found = []
        for number in range(pieces):
            order = range(len(roots))[:: -1 if number % 2 else 1]
            figures = {place: relays[place]() for place in order}
            found.append(tuple(figures[place] for place in range(len(roots))))
        return found


@contextmanager
def _running(
    root: Path, kind: str, what: str, seconds: float, setup: Setup
) -> Iterator[Callable[[], float]]:
    """Run the program; what gives a figure of it."""
    with subprocess.Popen(
        [sys.executable, str(_PROGRAM), kind, what, str(seconds), *map(str, setup)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None

        def figure() -> float:
            asked.write("\n")
            asked.flush()
            return float(told.readline())

        yield figure
