"""Log lines about limits that are reached, one a minute for each limit of each; and how often they
were.
"""

from __future__ import annotations

import heapq
from math import inf

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["Hit", "Notices"]

_QUIET_SECONDS = 60.0
# More are not remembered one by one: what is quiet no more is forgotten then, as soon as that is
# half of them.
_MANY = 10_000
# So many lines are written before the reactor does something else.
_AT_ONCE = 50


class Hit:
    """A limit that was reached.

    Attributes:
        count: how often.
        said: how often it was when it was said last.
        last: when it last was, in seconds of the clock.
        what: what happened therefore.
        quiet_until: no line is written before.
    """

    __slots__ = ("count", "last", "quiet_until", "said", "what")

    def __init__(self) -> None:
        self.count = 0
        self.said = 0
        self.last = 0.0
        self.what = ""
        self.quiet_until = -inf

    def __repr__(self) -> str:
        return f"<Hit {self.count} times, last at {self.last:g}: {self.what}>"


class Notices:
    """Writes these lines: the first immediately, and for the following minute together at its end
    how often it was.

    Args:
        clock: counts the time; it holds one call, as long as something was said in the last minute.
        log: where they are logged.
    """

    def __init__(self, clock: IReactorTime, log: Logger) -> None:
        self._clock = clock
        self._log = log
        self._hits: dict[tuple[str, str], Hit] = {}
        self._quiet: dict[tuple[str, str], Hit] = {}  # what was said in the last minute, in order
        self._call: IDelayedCall | None = None

    def __repr__(self) -> str:
        return f"<Notices of {len(self._hits)} limits>"

    def __len__(self) -> int:
        """How many limits were reached."""
        return len(self._hits)

    def hit(self, whose: str, limit: str, what: str) -> None:
        """A limit was reached.

        Args:
            whose: whose limit it is, such as ``user alice``.
            limit: its key.
            what: what happens therefore.
        """
        key = whose, limit
        hit = self._hits.get(key)
        if hit is None:
            if len(self._hits) >= max(_MANY, 2 * len(self._quiet)):
                self._hits = dict(self._quiet)
            hit = self._hits[key] = Hit()
        hit.count += 1
        hit.last, hit.what = self._clock.seconds(), what
        if key not in self._quiet:
            self._say(key, hit, 0)
            self._set_timer()

    def latest(self, most: int) -> list[tuple[tuple[str, str], Hit]]:
        """The limits that were reached last, by whose they are and their keys: the latest first.

        Args:
            most: no more than so many.
        """
        return heapq.nlargest(most, self._hits.items(), key=lambda item: item[1].last)

    def stop(self) -> None:
        """Say what is not said yet, and cancel the timer."""
        quiet, self._quiet = self._quiet, {}
        for key, hit in quiet.items():
            if hit.count > hit.said:
                self._log_line(key, hit.what, hit.count - hit.said)
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _say(self, key: tuple[str, str], hit: Hit, more: int) -> None:
        hit.said = hit.count
        hit.quiet_until = self._clock.seconds() + _QUIET_SECONDS
        self._quiet[key] = hit
        self._log_line(key, hit.what, more)

    def _look(self) -> None:
        """Say how often it was of those whose minute is over."""
        self._call = None
        now = self._clock.seconds()
        due: list[tuple[str, str]] = []
        for key, hit in self._quiet.items():
            if hit.quiet_until > now or len(due) == _AT_ONCE:
                break
            due.append(key)
        for key in due:
            hit = self._quiet.pop(key)
            if hit.count > hit.said:
                self._say(key, hit, hit.count - hit.said)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._call is None and self._quiet:
            oldest = next(iter(self._quiet.values()))
            delay = max(oldest.quiet_until - self._clock.seconds(), 0.0)
            self._call = self._clock.callLater(delay, self._look)

    def _log_line(self, key: tuple[str, str], what: str, more: int) -> None:
        whose, limit = key
        times = "1 more time" if more == 1 else f"{more} more times"
        self._log.info(
            "{whose} has reached {limit}: {what}{more}",
            whose=whose,
            limit=limit,
            what=what,
            more=f"; {times} since the last such line" if more else "",
            count=more or 1,
        )
