"""Tells everybody who watches what the figures are, once a second, and rests when nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator, LoopingCall, SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.interfaces import ICounterStore
from pipetwist.page.document import Times, document, encoded
from pipetwist.page.sampling import Sampler
from pipetwist.page.stream import Stream
from pipetwist.page.view import View
from pipetwist.relay.ledger import Ledger

__all__ = ["INTERVAL", "MOST_STREAMS", "Feed"]

INTERVAL = 1.0
"""Seconds from one event to the next."""
MOST_STREAMS = 16
"""How many may watch at the same time."""


class Feed:
    """Samples the figures and sends them to streams.

    A round takes a sample and tells each stream. It is worked off in steps of at most a few milliseconds, with one turn of the reactor
    between them.

    Args:
        clock: counts the time.
        ledger: has the connections.
        store: has the counters.
        now: the time in seconds since the epoch.
        log: takes what goes wrong.
    """

    def __init__(
        self, clock: IReactorTime, ledger: Ledger, store: ICounterStore, now: Callable[[], float], log: Logger | None = None
    ) -> None:
        self.clock = clock
        self._ledger = ledger
        self._store = store
        self._now = now
        self._log = log or Logger()
        self._started, self._began = now(), clock.seconds()
        self._sampler: Sampler | None = None  # with figures of before, from which rates are taken
        self._busy = False  # while figures are read, and are those of two moments
        self._task: Any = None
        self._waiting: list[tuple[View, Deferred[bytes]]] = []
        self._streams: dict[Stream, None] = {}
        self._loop = LoopingCall(self._begin)
        self._loop.clock = clock
        self._cooperator = Cooperator(lambda: lambda: True, lambda step: clock.callLater(0, step))

    def __len__(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    @property
    def full(self) -> bool:
        """Whether nobody more may watch."""
        return len(self._streams) >= MOST_STREAMS

    def watch(self, stream: Stream) -> None:
        """Tell this stream from now on, at once where there are figures."""
        self._streams[stream] = None
        if self._sampler is not None and not self._busy:
            self._tell(stream, {})
        if not self._loop.running:
            self._loop.start(INTERVAL, now=self._sampler is None)

    def leave(self, stream: Stream) -> None:
        """Tell this stream nothing more."""
        self._streams.pop(stream, None)
        if not self._streams:
            self._rest()

    def snapshot(self, view: View) -> Deferred[bytes]:
        """The figures as JSON: those of the second where somebody watches, else new ones, which have no rates.

        Returns:
            A Deferred that fails with CancelledError where they can't be had.
        """
        if self._sampler is not None and not self._busy:
            return succeed(self._document(view, changes_only=False))
        fired: Deferred[bytes] = Deferred()
        self._waiting.append((view, fired))
        self._begin()
        return fired

    def close(self) -> None:
        """End every stream, and forget the figures."""
        streams, self._streams = list(self._streams), {}
        for stream in streams:
            stream.finish()
        self._cooperator.stop()
        self._cooperator.start()
        self._rest()

    def _rest(self) -> None:
        if self._loop.running:
            self._loop.stop()
        if self._task is None:
            self._sampler = None

    def _begin(self) -> None:
        if self._task is None:
            self._sampler = self._sampler or Sampler(self._ledger, self._store)
            self._busy = True
            self._task = self._cooperator.cooperate(self._round(self._sampler))
            self._task.whenDone().addErrback(self._failed).addBoth(self._ended)

    def _round(self, sampler: Sampler) -> Iterator[None]:
        yield from sampler.sample()
        self._busy = False
        waiting, self._waiting = self._waiting, []
        for view, fired in waiting:
            fired.callback(self._document(view, changes_only=False))
            yield
        told: dict[tuple[View, bool], bytes] = {}
        for stream in list(self._streams):
            self._tell(stream, told)
            yield

    def _failed(self, failure: Failure) -> None:
        if not failure.check(SchedulerStopped):
            self._log.failure("The page's figures could not be read", failure)
        waiting, self._waiting = self._waiting, []
        for _, fired in waiting:
            fired.errback(CancelledError())

    def _ended(self, result: object) -> None:
        self._task = None
        if not self._streams:
            self._rest()

    def _tell(self, stream: Stream, told: dict[tuple[View, bool], bytes]) -> None:
        """Send a stream its event; those of the same view get the same bytes."""
        if stream not in self._streams:
            return
        if stream.stuck:
            stream.drop()
            self.leave(stream)
        elif not stream.ready:
            stream.behind = True
        else:
            whole = stream.behind
            key = (stream.view, whole)
            if key not in told:
                told[key] = self._document(stream.view, changes_only=not whole)
            stream.send(b"snapshot" if whole else b"change", told[key])

    def _document(self, view: View, *, changes_only: bool) -> bytes:
        assert self._sampler is not None  # noqa: S101 - says to mypy what _begin did
        times = Times(self._started, self._now(), self.clock.seconds() - self._began)
        return encoded(document(self._sampler, view, times, changes_only=changes_only))
