"""How much of the machine other programs took while something ran: figures of such a time say
little, and are better taken again.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["Disturbance"]

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Idle, iowait, and the guests' times, which are in user and nice already (proc(5))
_IDLE = {
    3,
    4,
    8,
    9,
}


class Disturbance:
    """Begins to look at the machine.

    Args:
        ours: the CPU seconds that the relay under test has used so far. Those of this process and
            of the load generator are known anyway.
    """

    def __init__(self, ours: Callable[[], float]) -> None:
        self._ours = ours
        self._cores = len(os.sched_getaffinity(0))
        self._begin = time.monotonic()
        self._others = self._used_by_others()

    def share(self) -> float:
        """The part of the machine that others have used since the beginning: 0 is nothing, 1 all of
        it.
        """
        seconds = (time.monotonic() - self._begin) * self._cores
        return max(0.0, (self._used_by_others() - self._others) / seconds)

    def _used_by_others(self) -> float:
        children, own = (
            resource.getrusage(resource.RUSAGE_CHILDREN),
            resource.getrusage(resource.RUSAGE_SELF),
        )
        known = children.ru_utime + children.ru_stime + own.ru_utime + own.ru_stime
        return _busy_seconds() - known - self._ours()


def _busy_seconds() -> float:
    """CPU seconds that the machine has used since it started, with what its host took away from it
    (steal).
    """
    columns = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:]
    return (
        sum(int(ticks) for index, ticks in enumerate(columns) if index not in _IDLE)
        / _TICKS_PER_SECOND
    )
