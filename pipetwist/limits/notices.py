"""Log lines about limits that are reached: one a minute for each limit of each."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

__all__ = ["Notices"]

_QUIET_SECONDS = 60.0
# More are not remembered one by one: what is quiet no more is forgotten then.
_MANY = 10_000


class Notices:
    """Writes these lines.

    Args:
        clock: counts the time.
        log: where they are logged.
    """

    def __init__(self, clock: IReactorTime, log: Logger) -> None:
        self._clock = clock
        self._log = log
        self._quiet_until: dict[tuple[str, str], float] = {}

    def __repr__(self) -> str:
        return f"<Notices of {len(self._quiet_until)} limits>"

    def hit(self, whose: str, limit: str, what: str) -> None:
        """A limit was reached.

        Args:
            whose: whose limit it is, such as ``user alice``.
            limit: its key.
            what: what happens therefore.
        """
        now = self._clock.seconds()
        key = whose, limit
        if now < self._quiet_until.get(key, now):
            return
        if len(self._quiet_until) >= _MANY:
            self._quiet_until = {
                known: until for known, until in self._quiet_until.items() if now < until
            }
        self._quiet_until[key] = now + _QUIET_SECONDS
        self._log.info("{whose} has reached {limit}: {what}", whose=whose, limit=limit, what=what)
