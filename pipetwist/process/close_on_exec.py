"""Keeps commands from inheriting the descriptors that this process got from its own parent."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["close_descriptors_on_exec"]

# Linux has the first, other unix systems the second.
_FOLDERS = (Path("/proc/self/fd"), Path("/dev/fd"))
_STANDARD = 3


def close_descriptors_on_exec() -> None:
    """Mark every descriptor but standard input, output and error as close-on-exec.

    Python opens its own descriptors that way. An inherited one may be anything: a lock that would
    be held as long as a command runs, the end of a pipe that somebody waits for, a terminal. This
    is done once, so that starting a command need not look for them.
    """
    for folder in _FOLDERS:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 - closed when it returns, where iterdir's own descriptor is among those found
                if name.isdecimal() and int(name) >= _STANDARD:
                    with contextlib.suppress(OSError):  # the one that has read the folder
                        os.set_inheritable(int(name), False)
            return
