"""The pause before a plug-in is started again."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.plugins.supervision import Pauses

__all__ = ["Restarting"]


class Restarting:
    """Counts the pause.

    Args:
        clock: counts the time.
        due: is called when it is over.
    """

    def __init__(self, clock: IReactorTime, due: Callable[[], None]) -> None:
        self._clock = clock
        self._due = due
        self._pauses = Pauses()
        self._call: IDelayedCall | None = None

    def __repr__(self) -> str:
        return f"<Restarting in {self.left:g} s, {self._pauses!r}>"

    @property
    def left(self) -> float:
        """Seconds that are left of it; 0 if there is none."""
        return 0.0 if self._call is None else self._call.getTime() - self._clock.seconds()

    def begin(self, ready_at: float | None) -> float:
        """Begin a pause.

        Args:
            ready_at: when the plug-in was ready, in seconds of the clock; None if it never was.

        Returns:
            Its seconds.
        """
        ready_seconds = 0.0 if ready_at is None else self._clock.seconds() - ready_at
        pause = self._pauses.after(ready_seconds)
        self._call = self._clock.callLater(pause, self._over)
        return pause

    def cancel(self) -> None:
        """There is no pause any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _over(self) -> None:
        self._call = None
        self._due()
