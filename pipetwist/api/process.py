"""What CPython and the kernel know about this process: the figures of GetSysStats."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment] # the module or None

__all__ = ["CollectorTime", "ProcessFigures", "process_figures"]

_PROC = Path("/proc/self")


@dataclass(frozen=True)
class ProcessFigures:
    """Figures of the process at one moment.

    Attributes:
        threads: how many it has.
        collections: runs of Python's garbage collector so far, of all generations.
        resident: bytes of its memory that are in RAM now; 0 if the system does not say.
        address_space: bytes of its address space, or its highest use of RAM if the system says only
            that, or 0.
        blocks: blocks of memory that the interpreter has allocated now; 0 if it does not count
            them.
    """

    threads: int
    collections: int
    resident: int
    address_space: int
    blocks: int


def process_figures(proc: Path = _PROC) -> ProcessFigures:
    """Get the figures of this process.

    Args:
        proc: the process's folder of proc(5), which is used if it exists.
    """
    address_space, resident = _memory(proc)
    allocated = getattr(sys, "getallocatedblocks", lambda: 0)  # only CPython has it
    return ProcessFigures(
        threads=_threads(proc),
        collections=sum(generation["collections"] for generation in gc.get_stats()),
        resident=resident,
        address_space=address_space,
        blocks=allocated(),
    )


def _memory(proc: Path) -> tuple[int, int]:
    try:
        address_space, resident = (proc / "statm").read_text().split()[:2]
    except OSError:
        return _peak(), 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(address_space) * page, int(resident) * page


def _peak() -> int:
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # getrusage(2): bytes there, kilobytes elsewhere.
    return peak if sys.platform == "darwin" else peak * 1024


def _threads(proc: Path) -> int:
    try:
        return sum(1 for _ in (proc / "task").iterdir())
    except OSError:
        return threading.active_count()


class CollectorTime:
    """Adds up the time that Python's garbage collector runs for, from `start` to `stop`.

    Args:
        clock: nanoseconds that only grow.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.nanoseconds = 0
        self._clock = clock
        self._began: int | None = None

    def start(self) -> None:
        """Start to count."""
        gc.callbacks.append(self._collector_ran)

    def stop(self) -> None:
        """Stop counting."""
        gc.callbacks.remove(self._collector_ran)
        self._began = None

    def _collector_ran(self, phase: str, info: Mapping[str, int]) -> None:
        # The collector never runs in two threads at once, nor within itself, so that starts and
        # stops alternate.
        if phase == "start":
            self._began = self._clock()
        elif self._began is not None:
            self.nanoseconds += self._clock() - self._began
            self._began = None
