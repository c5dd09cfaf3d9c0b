"""Python programs that a test runs in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["ROOT", "output_of", "run_python"]

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""


def run_python(
    *arguments: str,
    folders: tuple[Path, ...] = (),
    environment: Mapping[str, str | None] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run Python, which finds the modules of this checkout.

    Args:
        arguments: its command line.
        folders: more folders with modules.
        environment: variables to set, or with None to take away.
    """
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (*folders, ROOT))),
        **environment,
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env={name: value for name, value in variables.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def output_of(*arguments: str, folders: tuple[Path, ...] = ()) -> str:
    """Run Python to its good end, and take what it prints.

    Raises:
        AssertionError: it failed; the text is what it said on standard error.
    """
    outcome = run_python(*arguments, folders=folders)
    if outcome.returncode:
        raise AssertionError(outcome.stderr)
    return outcome.stdout
