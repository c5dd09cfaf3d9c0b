"""Retries connecting an outbound while no server listens, such as one that is still starting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError  # noqa: A004 - Twisted's name
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.interfaces import ISide

__all__ = ["FIRST_PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS", "Retrying"]

FIRST_PAUSE_SECONDS = 0.05
"""The pause before the first retry. Each pause is twice as long as the one before."""
LONGEST_PAUSE_SECONDS = 1.0
"""The longest pause."""
_NO_SERVER = (NobodyListensError, ConnectionRefusedError)
# A clock's sums are not exact: a rounding error is not time that is left.
_NEARLY = 1e-6


class Retrying(Deferred[ISide]):
    """A Deferred of an outbound's side, which retries if no server listens. When it is cancelled,
    nothing stays open.

    The last attempt is made when the time is over; its failure says how many there were. Any other
    failure is final.

    Args:
        attempt: the first attempt.
        again: makes another attempt, with its own time-out.
        describe: makes a text of a failure; None if the attempt was cancelled.
        seconds: no attempt begins later than this after the first.
        clock: counts the time.
    """

    def __init__(
        self,
        attempt: Deferred[ISide],
        again: Callable[[], ISide | Deferred[ISide]],
        describe: Callable[[Failure], str | None],
        seconds: float,
        clock: IReactorTime,
    ) -> None:
        super().__init__(lambda _: self._give_up())
        self.tries = 1
        """How many attempts there were, including the current one."""
        self._again = again
        self._describe = describe
        self._clock = clock
        self._began = clock.seconds()
        self._until = self._began + seconds
        self._next_pause = FIRST_PAUSE_SECONDS
        self._pause: IDelayedCall | None = None
        self._attempt: Deferred[Any] | None = None  # Any: a side, and nothing after it
        self._failure: Failure | None = None
        self._why_no_more = ""
        self._wait_for(attempt)

    def stop_retrying(self, why: str) -> None:
        """Make no other attempt. The current one continues.

        Args:
            why: for people.
        """
        self._why_no_more = self._why_no_more or why
        if self._pause is not None and self._failure is not None:
            self._pause.cancel()
            self._pause = None
            self._fail(self._failure)

    def _wait_for(self, attempt: Deferred[ISide]) -> None:
        self._attempt = attempt
        attempt.addCallbacks(self._connected, self._failed)

    def _connected(self, side: ISide) -> None:
        self._attempt = None
        self.callback(side)

    def _failed(self, failure: Failure) -> None:
        if self._attempt is None:  # cancelled
            return
        self._attempt = None
        now = self._clock.seconds()
        if not failure.check(*_NO_SERVER) or self._why_no_more or now > self._until - _NEARLY:
            self._fail(failure)
            return
        self._failure = failure
        self._pause = self._clock.callLater(min(self._next_pause, self._until - now), self._retry)
        self._next_pause = min(self._next_pause * 2, LONGEST_PAUSE_SECONDS)

    def _retry(self) -> None:
        self._pause = None
        self.tries += 1
        connecting = self._again()
        if isinstance(connecting, Deferred):
            self._wait_for(connecting)
        else:
            self.callback(connecting)

    def _fail(self, failure: Failure) -> None:
        text = self._describe(failure)
        if text is None or (self.tries == 1 and not failure.check(*_NO_SERVER)):
            self.errback(failure)
            return
        tries = "1 try" if self.tries == 1 else f"{self.tries} tries"
        text += f", after {tries} in {self._clock.seconds() - self._began:.1f} s"
        self.errback(ConnectError(f"{text}; {self._why_no_more}" if self._why_no_more else text))

    def _give_up(self) -> None:
        pause, self._pause = self._pause, None
        attempt, self._attempt = self._attempt, None
        if pause is not None:
            pause.cancel()
        if attempt is not None:
            attempt.cancel()
