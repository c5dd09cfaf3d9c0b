"""A file of counters as a Twisted service: open while it runs."""

from __future__ import annotations

import os

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from pipetwist.interfaces import AnyReactor
from pipetwist.storage.store import FileCounterStore
from pipetwist.storage.sync_thread import SyncThread

__all__ = ["StorageService"]


class StorageService(Service):
    """Opens the file at the start, syncs it in a thread of its own, and closes it at the stop.

    Nothing is opened before the start, since a process that becomes a daemon forks first. It must
    start before everything that counts, and stop after it.

    Args:
        path: the file; it is created if it does not exist.
        interval: seconds between two syncs.
        reactor: the reactor.
        log: gets what was found in the file, and errors.
    """

    def __init__(
        self, path: str | os.PathLike[str], interval: float, reactor: AnyReactor, log: Logger
    ) -> None:
        self.store = FileCounterStore(path, self._unsaved)
        self._interval = interval
        self._reactor = reactor
        self._log = log
        self._sync_thread: SyncThread | None = None

    def startService(self) -> None:
        """Open the file.

        Raises:
            StoreError: it can't be used.
        """
        contents = self.store.open()
        count = len(self.store.counters())
        self._log.info(
            "The counters are kept in {path}, which has {count} of them",
            path=self.store.path,
            count=count,
        )
        if not contents.sealed:
            self._log.info(
                "The daemon that used {path} before did not shut down cleanly; no counts are "
                "lost, unless the machine lost its power",
                path=self.store.path,
            )
        if contents.torn:
            self._log.warn(
                "The newest counters in {path} were incomplete; {torn} bytes at its end were "
                "cleared",
                path=self.store.path,
                torn=contents.torn,
            )
        self._sync_thread = SyncThread(self.store, self._interval, self._reactor, self._log)
        self._sync_thread.start()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """Close the file. The counters can still be read; what is added to them later is lost.

        Returns:
            A Deferred that fires when everything is on the disk.
        """
        super().stopService()
        syncing, self._sync_thread = self._sync_thread, None
        self.store.detach()
        return succeed(None) if syncing is None else syncing.stop()

    def _unsaved(self, name: str, error: OSError) -> None:
        self._log.error(
            "There is no room in {path} for the counter {name}: {reason}. It is kept in "
            "memory until there is room; a kill would lose it",
            path=self.store.path,
            name=name,
            reason=error.strerror,
        )
