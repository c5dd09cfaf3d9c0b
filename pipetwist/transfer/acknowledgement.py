"""Waits until a TCP peer has acknowledged what was sent to it: a reset takes with it whatever is
still under way.

On a direct connection a peer gets before a reset what had come to its machine by then. What
pipetwist has taken had come to a machine, and who sent it was told so: it is given the time to get
on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.transfer.socket_state import unacknowledged

__all__ = ["PATIENCE_SECONDS", "Acknowledgement"]

# A peer that has acknowledged nothing for so long is not waited for: of what is under way to one
# that stands still a reset leaves nothing on a direct connection either.
PATIENCE_SECONDS = 2.0
# It is looked at after so long, then less often, and at last every so many seconds.
_FIRST_LOOK_SECONDS = 0.005
_LOOK_SECONDS = 0.1


class Acknowledgement:
    """Looks how much is not acknowledged yet.

    Args:
        clock: counts the time.
        descriptor: the socket's. `cancel` is to be called before it is closed.
        done: called once, which may be at once, when nothing is or the peer stands still.
    """

    __slots__ = ("_call", "_clock", "_descriptor", "_done", "_left", "_pause", "_since")

    def __init__(self, clock: IReactorTime, descriptor: int, done: Callable[[], None]) -> None:
        self._clock = clock
        self._descriptor = descriptor
        self._done = done
        self._call: IDelayedCall | None = None
        self._left = sys.maxsize
        self._since = 0.0
        self._pause = _FIRST_LOOK_SECONDS

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
            self._pause = min(self._pause * 2, _LOOK_SECONDS)

    def cancel(self, side: object = None) -> None:
        """It is of no interest any more, as of a side that is over."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
