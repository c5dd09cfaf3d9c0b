"""What the benchmarks ask of a relay."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from bench.places import Kind, Route

__all__ = ["Relay", "first_version_in", "not_installed"]


class Relay(Protocol):
    """A program that connects two places, or the lack of one."""

    @property
    def name(self) -> str:
        """What it is called in tables and options."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it can connect."""

    def missing(self) -> str | None:
        """Why it can't be measured here; None if it can."""

    def version(self) -> str:
        """The version of the program; empty if there is no program."""

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """The command that runs it in the foreground; empty if there is no program.

        Args:
            route: where it is to listen, and where to lead.
            folder: a scratch folder for its configuration, where it will run.
        """


def not_installed(program: str, package: str) -> str | None:
    """Why a program can't be measured; None if it is installed."""
    return (
        None
        if shutil.which(program)
        else f"{program} is not installed; on Debian: apt-get install {package}"
    )


def first_version_in(*command: str) -> str:
    """The first thing that looks like a version in what a program says."""
    said = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
    )
    found = re.search(r"\d+\.\d+(\.\d+)*", said.stdout + said.stderr)
    return found[0] if found else ""
