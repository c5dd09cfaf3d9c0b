"""A log line that is written at most once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.logger import Logger

__all__ = ["RateLimitedLog"]

_QUIET_SECONDS = 60.0


class RateLimitedLog:
    """Logs that something has happened, and later how many such events were left out.

    Args:
        label: what the line begins with.
        clock: counts the time.
        log: where it is logged.
    """

    def __init__(self, label: str, clock: IReactorTime, log: Logger) -> None:
        self._label = label
        self._clock = clock
        self._log = log
        self._quiet_until = float("-inf")
        self._left_out = 0

    def __repr__(self) -> str:
        return f"<RateLimitedLog of {self._label}: {self._left_out} left out>"

    def say(self, what: str) -> None:
        """Log it, or count it."""
        now = self._clock.seconds()
        if now < self._quiet_until:
            self._left_out += 1
            return
        self._quiet_until = now + _QUIET_SECONDS
        more = (
            f"; {self._left_out} more like this since the last such line" if self._left_out else ""
        )
        self._left_out = 0
        self._log.warn("{place}: {what}{more}", place=self._label, what=what, more=more)
