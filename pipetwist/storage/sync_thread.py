"""The thread that waits for the disk, so that the reactor's does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import TIMEOUT_MAX, Event, Thread
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["SyncThread"]

_LOST = {
    "removed": "The file of counters {path} was removed: counting continues, and is lost when the "
    "daemon stops",
    "moved": "The file of counters {path} was moved away: counting continues in it, and the next "
    "start does not find it",
    None: "The file of counters {path} is at its path again",
}


class Syncable(Protocol):
    """What the thread needs of a `pipetwist.storage.store.FileCounterStore`."""

    @property
    def path(self) -> str | os.PathLike[str]:
        """The path of the file."""

    def lost(self) -> str | None:
        """``removed`` or ``moved``; None while the file is at its path."""

    def sync(self) -> None:
        """Write everything to the disk."""

    @property
    def lacks_room(self) -> bool:
        """Whether some counters are in memory only."""

    def find_room(self) -> int:
        """Move counters from memory to the file, in the reactor's thread, and return how many."""

    def close(self) -> None:
        """Write everything to the disk, and close it. Called last."""


class SyncThread:
    """Syncs a store from time to time, and closes it in the end.

    Args:
        store: the store.
        interval: seconds between two syncs.
        reactor: the reactor, in whose thread results are reported.
        log: gets a line when writing fails, or the file is no longer at its path, and when that is
            over.
    """

    def __init__(
        self, store: Syncable, interval: float, reactor: IReactorFromThreads, log: Logger
    ) -> None:
        self._store = store
        self._interval = min(interval, TIMEOUT_MAX)
        self._reactor = reactor
        self._log = log
        self._over = Event()
        self._closed: Deferred[None] = Deferred()
        self._trouble: str | None = None
        self._lost: str | None = None
        # The interpreter waits for this thread, so that a stop is completed even if nobody waited
        # for its Deferred.
        self._thread = Thread(target=self._run, name="pipetwist-sync")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> Deferred[None]:
        """Close the store, and end.

        Returns:
            A Deferred that fires when that is done, successful or not.
        """
        self._over.set()
        return self._closed

    def _run(self) -> None:
        while not self._over.wait(self._interval):
            self._attempt(self._store.sync)
            self._look_after_it()
            if self._store.lacks_room:
                self._reactor.callFromThread(self._find_room)
        self._look_after_it()
        self._attempt(self._store.close)
        self._reactor.callFromThread(self._closed.callback, None)

    def _attempt(self, step: Callable[[], None]) -> None:
        trouble = None
        try:
            step()
        except OSError as error:
            trouble = error.strerror or str(error)
        except Exception:  # noqa: BLE001 - a mistake in a sync does not end syncing
            self._reactor.callFromThread(
                self._log.failure, "The counters could not be synced", Failure()
            )
            return
        if trouble != self._trouble:
            self._trouble = trouble
            self._reactor.callFromThread(self._tell, trouble)

    def _look_after_it(self) -> None:
        lost = self._store.lost()
        if lost != self._lost:
            self._lost = lost
            self._reactor.callFromThread(self._tell_where, lost)

    def _find_room(self) -> None:
        found = self._store.find_room()
        if found:
            self._log.info(
                "There is room again: {count} counters that were only in memory are now in "
                "the file",
                count=found,
            )

    def _tell_where(self, lost: str | None) -> None:
        (self._log.warn if lost else self._log.info)(_LOST[lost], path=self._store.path)

    def _tell(self, trouble: str | None) -> None:
        if trouble is None:
            self._log.info("The counters are written to the disk again")
        else:
            self._log.error(
                "The counters can't be written to the disk: {trouble}; a kill loses nothing, "
                "a power failure would",
                trouble=trouble,
            )
