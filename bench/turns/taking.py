"""Runs the program that takes the time of the relay's turns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.turns.relay import ALONE, Setup

__all__ = ["take"]

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
        subprocess.CalledProcessError: it could not be measured.
    """
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, str(_PROGRAM), kind, what, str(seconds), *map(str, setup)]
    return float(
        subprocess.run(
            command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    )
