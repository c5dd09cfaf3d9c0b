"""Copies of the checkout, and programs that run in them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.markdown import ROOT

__all__ = ["copied_sources", "python_in"]

_LEFT_OUT = (".venv", ".git", ".nox", "build", "dist", "*.egg-info", "_trial_temp*", "_tt*")
_MADE = ("__pycache__", "*.pyc", "dropin.cache", ".hypothesis", ".mypy_cache", ".ruff_cache")
_RAN = ("*.sock", ".coverage*", "twistd.pid", "twistd.log")


def copied_sources(folder: Path) -> Path:
    """Copy the checkout, without what was made in it, into a folder; the copy."""
    ignored = shutil.ignore_patterns(*_LEFT_OUT, *_MADE, *_RAN)
    shutil.copytree(ROOT, folder / "sources", ignore=ignored)
    return folder / "sources"


def python_in(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, whose modules it finds first."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
