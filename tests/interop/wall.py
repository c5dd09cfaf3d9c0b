"""A wall clock that a test puts back or forward under a daemon, with libfaketime: only dates move,
what counts seconds goes on.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.support.peers import need

__all__ = ["Wall", "sweep"]

_SHARED = Path("/dev/shm")  # where shm_overview(7) says that Linux has it


class Wall:
    """The time of day for who runs with this environment.

    Args:
        folder: a scratch folder, where it is written down.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wall"
        self.put(0)
        sweep(_SHARED)
        asked = subprocess.run(
            [need("faketime"), "-m", "-f", "+0s", "sh", "-c", 'echo "$LD_PRELOAD"'],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.environment = {
            "LD_PRELOAD": asked.stdout.strip(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",  # or it would look at the file every ten seconds
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        """Variables that make a program use this clock."""

    def put(self, seconds: int) -> None:
        """Have it be so many seconds ahead of what it is, from now on; behind where there are fewer
        than none.
        """
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.replace(self._file)


def sweep(folder: Path) -> None:
    """Remove the semaphores and shared memory that libfaketime named after processes which have
    ended without removing them.

    Every program that is killed under it, or that replaces itself by another, leaves both behind.
    If a later one gets its process id, the command ``faketime`` fails.
    """
    for path in _named_after_processes(folder):
        if not Path("/proc", path.name.rpartition("_")[2]).exists():
            with suppress(FileNotFoundError):  # another run of the tests removes them, too
                path.unlink()


def _named_after_processes(folder: Path) -> Iterator[Path]:
    yield from folder.glob("sem.faketime_sem_*")
    yield from folder.glob("faketime_shm_*")
