"""Records the history: reads what has moved once a second, whether or not anybody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator, LoopingCall, SchedulerStopped, TaskStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.interfaces import CounterStoreLike
from pipetwist.page.movement import Movement
from pipetwist.page.past import Asked, past
from pipetwist.page.rings import History
from pipetwist.relay.connection_table import ConnectionTable

__all__ = ["MAX_SPAN", "Recorder"]

MAX_SPAN = 3.0
"""Seconds between two readings beyond which nobody knows when the bytes moved: they are a gap."""
_INTERVAL = 1.0


class Recorder:
    """Reads what has moved, once a second from `start` to `close`, and answers what is asked of it.

    All of this is done in steps of about a millisecond, one in each turn of the reactor.

    Args:
        clock: calls it.
        connection_table: has the connections.
        store: has the counters.
        now: the time in seconds since the epoch.
        elapsed: counts the seconds, also those in which the machine sleeps or the date is set.
        log: gets errors.
    """

    def __init__(
        self,
        clock: IReactorTime,
        connection_table: ConnectionTable,
        store: CounterStoreLike,
        now: Callable[[], float],
        elapsed: Callable[[], float],
        log: Logger | None = None,
    ) -> None:
        self._connection_table = connection_table
        self._store = store
        self._now = now
        self._elapsed = elapsed
        self._log = log or Logger()
        self._history = History()
        self._movement: Movement | None = None  # until there is something to compare with
        self._failing = False
        self._origin = self._read = elapsed()
        self._slot = 0  # that of the last reading
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock
        self._cooperator = Cooperator(lambda: lambda: True, lambda step: clock.callLater(0, step))

    def __repr__(self) -> str:
        state = "recording" if self._loop.running else "resting"
        return f"<Recorder {state}: {self._history}>"

    def start(self) -> None:
        """Begin, or go on after `close`."""
        self._movement = None
        self._loop.start(_INTERVAL)

    def close(self) -> None:
        """Read nothing more. What is recorded is kept."""
        if self._loop.running:
            self._loop.stop()
        self._cooperator.stop()
        self._cooperator.start()

    def tell(self, asked: Asked) -> Deferred[bytes]:
        """A part of the history as JSON.

        Returns:
            A Deferred of it, which fails with CancelledError if it can't be had. Whoever does not
            wait any more cancels it.
        """
        told: Deferred[bytes] = Deferred(lambda _: task.stop())

        def work() -> Iterator[None]:
            # The slots' seconds went on whatever the date was; it is told by what it is now.
            start = self._now() - (self._elapsed() - self._origin)
            told.callback((yield from past(self._history, asked, lambda slot: start + slot)))

        def failed(failure: Failure) -> None:
            if not failure.check(SchedulerStopped, TaskStopped):
                self._log.failure("The page's history could not be told", failure)
            if not told.called:
                told.errback(CancelledError())

        task = self._cooperator.cooperate(work())
        task.whenDone().addErrback(failed)
        return told

    def _tick(self) -> Deferred[Iterator[None] | None]:
        reading = self._cooperator.cooperate(self._record()).whenDone()
        return reading.addErrback(self._failed)

    def _record(self) -> Iterator[None]:
        now, last = self._elapsed(), self._slot
        slot, seconds = round(now - self._origin), now - self._read
        movement, is_gap = self._movement, self._movement is None or seconds > MAX_SPAN
        if movement is None:
            movement = Movement(self._connection_table, self._store)
        elif slot <= last:
            return  # the last reading was late, and this one is not: the next has the bytes of both
        yield from movement.read()
        self._movement, self._read, self._slot = movement, now, slot
        self._failing = False
        if is_gap:
            self._origin = now - slot  # from now on readings come at whole seconds
        else:
            yield from self._history.add(range(last + 1, slot + 1), seconds, movement.moved)

    def _failed(self, failure: Failure) -> None:
        self._movement = None  # it may be half old and half new
        if not failure.check(SchedulerStopped) and not self._failing:
            self._failing = True
            self._log.failure("The page's history can't be recorded", failure)
