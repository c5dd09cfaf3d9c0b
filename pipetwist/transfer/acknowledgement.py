"""Waits until a TCP peer has acknowledged what was sent to it, since a reset discards whatever is
still on the way.

On a direct connection a peer gets everything that had reached its machine before the reset. What
pipetwist has read had reached a machine, and was acknowledged to its sender: therefore it gets the
time to arrive.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.transfer.polling import FIRST_POLL_SECONDS, next_poll_seconds
from pipetwist.transfer.socket_state import unacknowledged

__all__ = ["PATIENCE_SECONDS", "Acknowledgement"]

# A peer that has acknowledged nothing for this time is not waited for: on a direct connection a
# reset to a peer that reads nothing discards what is on the way as well.
PATIENCE_SECONDS = 2.0


class Acknowledgement:
    """Checks how much is not acknowledged yet.

    Args:
        clock: counts the time.
        descriptor: the socket's. Call `cancel` before it is closed.
        done: called once, possibly within `wait`, when everything is acknowledged or the peer
            acknowledges nothing more.
    """

    __slots__ = ("_call", "_clock", "_descriptor", "_done", "_left", "_pause", "_since")

    def __init__(self, clock: IReactorTime, descriptor: int, done: Callable[[], None]) -> None:
        self._clock = clock
        self._descriptor = descriptor
        self._done = done
        self._call: IDelayedCall | None = None
        self._left = sys.maxsize
        self._since = 0.0
        self._pause = FIRST_POLL_SECONDS

    def __repr__(self) -> str:
        waits = "over" if self._call is None else f"{self._left} bytes left"
        return f"<Acknowledgement fd={self._descriptor} {waits}>"

    def wait(self) -> None:
        """Begin."""
        self._call = None
        left, now = unacknowledged(self._descriptor), self._clock.seconds()
        if left < self._left:
            self._left, self._since = left, now
        if not left or now - self._since >= PATIENCE_SECONDS:
            self._done()
        else:
            self._call = self._clock.callLater(self._pause, self.wait)
            self._pause = next_poll_seconds(self._pause)

    def cancel(self, side: object = None) -> None:
        """Stop waiting."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
