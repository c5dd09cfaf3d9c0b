"""Commands that are started before they are needed. A command gets no information about its
connection, so it can be started before there is one.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.interfaces import ISide

__all__ = ["PreforkedProcesses"]

# The pause after a ready command has died, or could not be started: it doubles each time, up to the
# maximum.
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 30.0
# Starting a command takes longer than handling a connection, so replacements are started one by
# one, when there is a pause.
LULL_SECONDS = 0.02


class PreforkedProcesses:
    """Keeps a number of commands ready.

    Args:
        clock: counts the time.
        count: how many.
        start: starts one; returns None if there may be no more for now. Raises OSError if it can't
            be started.
        log: gets warnings.
        runs: whether one still runs, even if its end has not been reported yet.
    """

    def __init__(
        self,
        clock: IReactorTime,
        count: int,
        start: Callable[[], ISide | None],
        log: Callable[[str], None],
        runs: Callable[[ISide], bool] = lambda _: True,
    ) -> None:
        self._runs = runs
        self._pausing = False
        self._clock = clock
        self._count = count
        self._start = start
        self._log = log
        self._ready: dict[ISide, float] = {}  # with the time since when it is ready
        self._call: IDelayedCall | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._stopped = True

    def __len__(self) -> int:
        """How many are ready."""
        return len(self._ready)

    def __repr__(self) -> str:
        state = (
            "stopped"
            if self._stopped
            else "pausing"
            if self._pausing
            else "waiting"
            if self._call is not None
            else "at rest"
        )
        return f"<PreforkedProcesses {len(self._ready)} of {self._count}, {state}>"

    def begin(self) -> None:
        """Start them, and from now on replace those that are taken or die."""
        self._stopped = False
        if self._count:
            self._add()

    def stop(self) -> None:
        """Stop replacing them. Those that are ready keep running."""
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def dismiss(self) -> None:
        """Stop replacing them, and end those that are ready."""
        self.stop()
        for side in list(self._ready):
            side.abort()

    def take(self) -> ISide | None:
        """The one that has been ready longest, or None."""
        # The end of one that has ended is reported soon, and handled then.
        side = next((side for side in self._ready if self._runs(side)), None)
        if side is not None:
            since = self._ready.pop(side)
            if self._clock.seconds() - since > self._pause:
                self._pause = FIRST_PAUSE_SECONDS
            self.refill()
        return side

    def refill(self) -> None:
        """Another may be started: do it after the connections that need one now have got it."""
        if not self._stopped and self._call is None and len(self._ready) < self._count:
            self._call = self._clock.callLater(LULL_SECONDS, self._add)

    def ended(self, side: ISide) -> None:
        """A command has ended. If it was ready, it is replaced after a pause, which grows as long
        as none of them is used.
        """
        since = self._ready.pop(side, None)
        if since is not None:
            if self._clock.seconds() - since > MAX_PAUSE_SECONDS:
                self._pause = FIRST_PAUSE_SECONDS
            if not self._pausing:
                self._wait("a prefork command exited before it got a connection")

    def _add(self) -> None:
        self._call = None
        self._pausing = False
        try:
            side = self._start()
        except OSError as error:
            self._wait(f"can't start a prefork command: {error.strerror}")
            return
        if side is not None:
            self._ready[side] = self._clock.seconds()
            if len(self._ready) < self._count:
                self._call = self._clock.callLater(0, self._add)

    def _wait(self, why: str) -> None:
        if self._stopped:
            return
        if self._call is not None:
            self._call.cancel()
        self._pausing = True
        self._log(f"{why}; next start in {self._pause:g} s")
        self._call = self._clock.callLater(self._pause, self._add)
        self._pause = min(self._pause * 2, MAX_PAUSE_SECONDS)
