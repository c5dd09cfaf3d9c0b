"""Orphans, which are processes that commands leave behind: the daemon becomes their parent, and
ends them when it stops.

A process that leaves its command's process group, by setsid(2) for instance, does not get the
group's signals. A process can ask Linux to become the parent of all descendants whose own parent
has ended (PR_SET_CHILD_SUBREAPER, prctl(2)). It can find them then, and must wait for them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pipetwist.process.launch import running
from pipetwist.transfer.polling import FIRST_POLL_SECONDS, next_poll_seconds

__all__ = ["Orphans"]

LOOK_SECONDS = 2.0
# After SIGKILL a process ends immediately; it is waited for no longer than this.
_LAST_SECONDS = 5.0
_PR_SET_CHILD_SUBREAPER = 36  # include/uapi/linux/prctl.h


class Orphans:
    """Waits for orphans that have ended, and ends all of them at a stop.

    An orphan is a child process in another process group than this process, which did not exist at
    first, and which was not launched here.

    Args:
        clock: counts the time.
        log: gets a line about those that had to be ended.
    """

    def __init__(self, clock: IReactorTime, log: Logger) -> None:
        self._clock = clock
        self._log = log
        self._before: frozenset[int] = frozenset()
        self._call: IDelayedCall | None = None
        self._told: set[int] = set()
        self._ended: Deferred[None] | None = None
        self._since = 0.0

    def begin(self) -> None:
        """Become their parent, if the system allows that; a fork undoes it.

        Children that exist by now are not orphans of commands: a shell may have started them before
        it became this process.
        """
        _become_parent()
        self._before = frozenset(_processes())
        self._call = self._clock.callLater(LOOK_SECONDS, self._look)

    def end(self, grace: float) -> Deferred[None]:
        """End them: SIGTERM, then SIGKILL.

        Args:
            grace: seconds from SIGTERM to SIGKILL.

        Returns:
            A Deferred that fires when none is left.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._since = self._clock.seconds()
        ended = self._ended = Deferred()
        self._end(grace, FIRST_POLL_SECONDS)
        return ended

    def _look(self) -> None:
        self._call = self._clock.callLater(LOOK_SECONDS, self._look)
        self._alive()

    def _end(self, grace: float, pause: float) -> None:
        passed = self._clock.seconds() - self._since
        alive = self._alive()
        if alive and passed < grace + _LAST_SECONDS:
            # A process whose parent is an orphan becomes an orphan only when that ends, and gets no
            # more time than the others.
            for pid in alive if passed >= grace else alive - self._told:
                _signal(pid, signal.SIGKILL if passed >= grace else signal.SIGTERM)
            self._told |= alive
            self._clock.callLater(pause, self._end, grace, next_poll_seconds(pause))
            return
        if self._told:
            text = "orphaned processes of commands terminated: {count}"
            self._log.info(text, count=len(self._told))
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.callback(None)

    def _alive(self) -> set[int]:
        ours = os.getpgrp()
        alive = set()
        for pid in _processes():
            if pid in running or pid in self._before:
                continue
            with contextlib.suppress(OSError):
                # Other children of this process stay in its group, and whoever started them waits
                # for them.
                if os.getpgid(pid) != ours and not os.waitpid(pid, os.WNOHANG)[0]:
                    alive.add(pid)
        return alive


def _signal(pid: int, number: int) -> None:
    # Until it is waited for, its process ID can't be reused. It may run as another user.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _processes() -> list[int]:
    # The children of the main thread, which starts the commands, and which becomes the orphans'
    # parent (find_new_reaper in Linux).
    try:
        return [
            int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        ]
    except OSError:  # a system without it has no such orphans either
        return []


def _become_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        # It fails on a kernel that does not support it; then there are no orphans to find.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
