"""Decides what to report to the service manager, and when: the daemon's states, and regularly that
its reactor runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.systemd.notifier import Notifier

__all__ = ["Reporter"]

_STATUS_SECONDS = 5.0


class Reporter:
    """Reports a daemon's states.

    Args:
        clock: the reactor's. If the reactor is stuck, so is the clock, and nothing reports that the
            daemon is alive.
        notifier: sends the reports.
        status: returns the state, for people.
        watchdog: the watchdog's time in seconds; None if there is no watchdog.
    """

    def __init__(
        self,
        clock: IReactorTime,
        notifier: Notifier,
        status: Callable[[], str],
        watchdog: float | None,
    ) -> None:
        self._clock = clock
        self._notifier = notifier
        self._status = status
        self._watchdog = watchdog
        # Half of the time allowed, as sd_watchdog_enabled(3) advises.
        self._pause = _STATUS_SECONDS if watchdog is None else min(_STATUS_SECONDS, watchdog / 2)
        self._said = ""
        self._stops = False
        self._call: IDelayedCall | None = None

    def ready(self) -> None:
        """It listens, or continues after a reload. Not reported if it is already stopping."""
        if self._stops:
            return
        self._said = self._status()
        self._notifier.send("READY=1", f"STATUS={self._said}")
        if self._call is None and self._notifier.is_heard:
            self._call = self._clock.callLater(self._pause, self._go_on)

    def failed(self, reason: str) -> None:
        """The start failed."""
        self._notifier.send(f"STATUS={reason}")

    def reloading(self) -> None:
        """It reloads its configuration. The time is for ``Type=notify-reload``,
        systemd.service(5).
        """
        self._notifier.send(
            "RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=reloading"
        )

    def stopping(self, seconds: float) -> None:
        """It is stopping. It reports that it is alive meanwhile.

        Args:
            seconds: how long that may take.
        """
        self._stops = True
        self._notifier.send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def stopped(self) -> None:
        """It has stopped."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._notifier.close()

    def _go_on(self) -> None:
        self._call = self._clock.callLater(self._pause, self._go_on)
        alive = [] if self._watchdog is None else ["WATCHDOG=1"]
        status = self._status()
        news = [] if status == self._said else [f"STATUS={status}"]
        self._said = status
        if alive or news:
            self._notifier.send(*alive, *news)
