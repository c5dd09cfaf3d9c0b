"""Threads for calls that may never return: nothing waits for them, not even the end of the
program.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

__all__ = ["UnawaitedThreads", "start_thread"]

# How long an idle thread waits for another call: starting one costs as much as a look-up in
# /etc/hosts.
IDLE_SECONDS = 10.0


def start_thread(call: Callable[[], None], name: str = "pipetwist look-up") -> None:
    """Call a function in a new thread.

    Args:
        call: what is called.
        name: the thread's name.

    Raises:
        RuntimeError: this process may have no more threads.
    """
    # The reactor waits for the threads of its pool when it stops, and the interpreter for all but
    # daemon threads when it ends (threading._shutdown). The system may try to resolve a name for
    # half a minute, and can't be interrupted (getaddrinfo(3), resolv.conf(5)).
    threading.Thread(target=call, name=name, daemon=True).start()


class UnawaitedThreads:
    """Threads that make one call after another. There are as many as there are calls that have not
    returned, and some idle ones.

    Args:
        idle_seconds: how long an idle thread waits for another call before it ends.
        name: the name of each thread.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS, name: str = "pipetwist look-up") -> None:
        self._idle_seconds = idle_seconds
        self._name = name
        # Not a SimpleQueue: in Python 3.10 its get may wait for ever where the time to wait has run
        # out between its looks at the clock.
        self._changed = threading.Condition()
        self._calls: deque[Callable[[], None]] = deque()  # of which each has an idle thread
        self._idle = 0

    def __repr__(self) -> str:
        return f"<UnawaitedThreads idle={self._idle - len(self._calls)}>"

    def start(self, call: Callable[[], None]) -> None:
        """Call a function in a thread, immediately.

        Raises:
            RuntimeError: this process may have no more threads.
        """
        with self._changed:
            if self._idle > len(self._calls):
                self._calls.append(call)
                self._changed.notify()
                return
        start_thread(lambda: self._work(call), self._name)

    def _work(self, call: Callable[[], None]) -> None:
        while True:
            call()
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: self._calls, self._idle_seconds)
                self._idle -= 1
                # A thread whose time is over makes a call that has counted on it.
                if not self._calls:
                    return
                call = self._calls.popleft()
