"""Log lines about limits that are reached, one a minute for each limit of each; and how often they
were.
"""

from __future__ import annotations

import heapq
from math import inf

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

__all__ = ["Hit", "Notices"]

_QUIET_SECONDS = 60.0
# More are not remembered one by one: what is quiet no more is forgotten then.
_MANY = 10_000


class Hit:
    """A limit that was reached.

    Attributes:
        count: how often.
        last: when it last was, in seconds of the clock.
        what: what happened therefore.
        quiet_until: no line is written before.
    """

    __slots__ = ("count", "last", "quiet_until", "what")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self.what = ""
        self.quiet_until = -inf

    def __repr__(self) -> str:
        return f"<Hit {self.count} times, last at {self.last:g}: {self.what}>"


class Notices:
    """Writes these lines.

    Args:
        clock: counts the time.
        log: where they are logged.
    """

    def __init__(self, clock: IReactorTime, log: Logger) -> None:
        self._clock = clock
        self._log = log
        self._hits: dict[tuple[str, str], Hit] = {}

    def __repr__(self) -> str:
        return f"<Notices of {len(self._hits)} limits>"

    def hit(self, whose: str, limit: str, what: str) -> None:
        """A limit was reached.

        Args:
            whose: whose limit it is, such as ``user alice``.
            limit: its key.
            what: what happens therefore.
        """
        now = self._clock.seconds()
        key = whose, limit
        hit = self._hits.get(key)
        if hit is None:
            if len(self._hits) >= _MANY:
                self._hits = {
                    known: one for known, one in self._hits.items() if now < one.quiet_until
                }
            hit = self._hits[key] = Hit()
        hit.count += 1
        hit.last, hit.what = now, what
        if now < hit.quiet_until:
            return
        hit.quiet_until = now + _QUIET_SECONDS
        self._log.info("{whose} has reached {limit}: {what}", whose=whose, limit=limit, what=what)

    def latest(self, most: int) -> list[tuple[tuple[str, str], Hit]]:
        """The limits that were reached last, by whose they are and their keys: the latest first.

        Args:
            most: no more than so many.
        """
        return heapq.nlargest(most, self._hits.items(), key=lambda item: item[1].last)
