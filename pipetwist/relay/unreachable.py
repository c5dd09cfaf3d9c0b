"""Warns about outbounds whose server can't be reached, at any log level that shows warnings. It
warns seldom, however many connections fail.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["UnreachableOutbounds"]

_REST_SECONDS = 60.0  # between two warnings of one outbound


class _Trouble:
    """The failures of one outbound that are not reported yet.

    Attributes:
        count: connections that have failed since the last warning.
        reason: why the last of them failed.
        call: the timer of the next report.
    """

    __slots__ = ("call", "count", "reason")

    def __init__(self, call: IDelayedCall) -> None:
        self.count = 0
        self.reason = ""
        self.call = call


class UnreachableOutbounds:
    """Reports the first failure of each outbound immediately, and those of the following minute
    together at its end.

    Args:
        clock: counts the time; it holds one call for each outbound that has failed in the last
            minute.
        log: gets the warnings.
    """

    def __init__(self, clock: IReactorTime, log: Logger) -> None:
        self._clock = clock
        self._log = log
        self._troubles: dict[str, _Trouble] = {}

    def __repr__(self) -> str:
        counts = {tag: trouble.count for tag, trouble in self._troubles.items()}
        return f"<UnreachableOutbounds {counts}>"

    def failed(self, outbound: str, reason: str) -> None:
        """A connection has failed.

        Args:
            outbound: the outbound's tag.
            reason: why, for people.
        """
        trouble = self._troubles.get(outbound)
        if trouble is None:
            self._log.warn(
                "outbound {outbound}: {reason}", outbound=outbound, reason=reason, count=1
            )
            self._rest(outbound)
        else:
            trouble.count += 1
            trouble.reason = reason

    def stop(self) -> None:
        """Report what is not reported yet, and cancel the timers."""
        troubles, self._troubles = self._troubles, {}
        for outbound, trouble in troubles.items():
            trouble.call.cancel()
            self._tell(outbound, trouble)

    def _rest(self, outbound: str) -> None:
        self._troubles[outbound] = _Trouble(
            self._clock.callLater(_REST_SECONDS, self._rested, outbound)
        )

    def _rested(self, outbound: str) -> None:
        trouble = self._troubles.pop(outbound)
        if self._tell(outbound, trouble):
            self._rest(outbound)

    def _tell(self, outbound: str, trouble: _Trouble) -> bool:
        if not trouble.count:
            return False
        more = "1 more connection" if trouble.count == 1 else f"{trouble.count} more connections"
        self._log.warn(
            "outbound {outbound}: {reason}; {more} since the last warning",
            outbound=outbound,
            reason=trouble.reason,
            more=more,
            count=trouble.count,
        )
        return True
