"""Sends the figures to all streams, once a second, and does nothing while there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import CooperativeTask, Cooperator, LoopingCall, SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.interfaces import CounterStoreLike
from pipetwist.page.document import Times
from pipetwist.page.figures import Figures
from pipetwist.page.stream import Stream
from pipetwist.page.view import View
from pipetwist.relay.connection_table import ConnectionTable

__all__ = ["INTERVAL", "MAX_STREAMS", "Feed"]

INTERVAL = 1.0
"""Seconds from one event to the next."""
MAX_STREAMS = 16
"""The maximum of streams."""


class Feed:
    """Samples the figures and sends them to streams.

    The figures are read at most once a second, and written once for each view. All of this is done
    in steps of about a millisecond, one in each turn of the reactor, for any number of readers.

    Args:
        clock: counts the time.
        connection_table: has the connections.
        store: has the counters.
        now: the time in seconds since the epoch.
        log: gets errors.
        started: when the daemon was started, likewise; None for now.
    """

    def __init__(
        self,
        clock: IReactorTime,
        connection_table: ConnectionTable,
        store: CounterStoreLike,
        now: Callable[[], float],
        log: Logger | None = None,
        started: float | None = None,
    ) -> None:
        self.clock = clock
        self._connection_table = connection_table
        self._store = store
        self._now = now
        self._log = log or Logger()
        self._started, self._began = now() if started is None else started, clock.seconds()
        self._figures: Figures | None = None
        self._forgetting: IDelayedCall | None = None  # while figures are kept without streams
        self._due = False
        self._asked: deque[tuple[View, Deferred[bytes]]] = deque()
        self._task: CooperativeTask[Iterator[None]] | None = None
        self._streams: dict[Stream, None] = {}
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock
        self._cooperator = Cooperator(lambda: lambda: True, lambda step: clock.callLater(0, step))

    def __repr__(self) -> str:
        work = "resting" if self._task is None else "working"
        return (
            f"<Feed {work}: {len(self._streams)} streams, {len(self._asked)} asked, "
            f"{self._figures}>"
        )

    def __len__(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    @property
    def full(self) -> bool:
        """Whether there is no room for another stream."""
        return len(self._streams) >= MAX_STREAMS

    def watch(self, stream: Stream) -> None:
        """Add a stream. It gets the latest figures, if they are not older than a second, and then
        all later ones.
        """
        self._streams[stream] = None
        known = self._are_current
        if known:
            self._ask(stream.view).addCallbacks(
                lambda body: self._greet(stream, body), lambda failure: failure.trap(CancelledError)
            )
        if not self._loop.running:
            self._loop.start(INTERVAL, now=not known)

    def leave(self, stream: Stream) -> None:
        """Remove a stream."""
        self._streams.pop(stream, None)
        if not self._streams:
            self._rest()

    def snapshot(self, view: View) -> Deferred[bytes]:
        """The figures as JSON, not older than a second: those of the streams, or new ones, which
        have no rates.

        Returns:
            A Deferred of it, which fails with CancelledError if the figures can't be read.
        """
        return self._ask(view)

    def close(self) -> None:
        """Close every stream, and drop the figures."""
        streams, self._streams = list(self._streams), {}
        for stream in streams:
            stream.finish()
        self._cooperator.stop()
        self._cooperator.start()
        self._rest()
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forget()

    @property
    def _are_current(self) -> bool:
        """Whether the latest figures are not older than a second."""
        return self._figures is not None and (self._loop.running or self._forgetting is not None)

    def _ask(self, view: View) -> Deferred[bytes]:
        fired: Deferred[bytes] = Deferred()
        self._asked.append((view, fired))
        self._begin()
        return fired

    def _greet(self, stream: Stream, body: bytes) -> None:
        if stream in self._streams and stream.behind and stream.ready:
            stream.send(b"snapshot", body)

    def _rest(self) -> None:
        if self._loop.running:
            self._loop.stop()
        self._due = False
        self._let_go()

    def _let_go(self) -> None:
        """Drop figures that nobody reads any more."""
        if self._task is None and not self._are_current:
            self._figures = None

    def _forget(self) -> None:
        self._forgetting = None
        self._let_go()

    def _tick(self) -> None:
        self._due = True
        self._begin()

    def _begin(self) -> None:
        if self._task is None:
            self._task = task = self._cooperator.cooperate(self._work())
            task.whenDone().addErrback(self._failed).addBoth(self._ended)

    def _work(self) -> Iterator[None]:
        """Read the figures when they are due, and answer the readers one after the other."""
        while self._due or self._asked:
            if self._due or not self._are_current:
                yield from self._read()
                continue
            assert self._figures is not None  # noqa: S101 - says to mypy what being current means
            view, fired = self._asked[0]
            if not fired.called:  # or the client has gone
                body = yield from self._figures.told(view)
                if not fired.called:
                    fired.callback(body)
                yield
            self._asked.popleft()

    def _read(self) -> Iterator[None]:
        due, self._due = self._due, False
        if self._figures is None:
            self._figures = Figures(self._connection_table, self._store, self._times)
        figures = self._figures
        yield from figures.take()
        if not due:
            # There is no stream. Requests within the next second get the same figures.
            self._forgetting = self.clock.callLater(INTERVAL, self._forget)
            return
        for stream in list(self._streams):
            yield from self._tell(figures, stream)
            yield

    def _failed(self, failure: Failure) -> None:
        if not failure.check(SchedulerStopped):
            self._log.failure("The page's figures could not be read", failure)
        self._figures = None  # they may be half old and half new
        asked, self._asked = self._asked, deque()
        for _, fired in asked:
            if not fired.called:
                fired.errback(CancelledError())

    def _ended(self, result: object) -> None:
        self._task = None
        self._let_go()
        if self._asked:
            self._begin()

    def _tell(self, figures: Figures, stream: Stream) -> Iterator[None]:
        """Send a stream its event. Streams with the same view get the same bytes."""
        if stream not in self._streams:
            return
        if stream.stuck:
            stream.drop()
            self.leave(stream)
            return
        if stream.ready:
            whole = stream.behind
            body = yield from figures.told(stream.view, changes_only=not whole)
            if stream not in self._streams:
                return
            if stream.ready:
                stream.send(b"snapshot" if whole else b"change", body)
                return
        stream.behind = True

    def _times(self) -> Times:
        return Times(self._started, self._now(), self.clock.seconds() - self._began)
