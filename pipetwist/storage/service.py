"""A file of counters as a Twisted service: open while it runs."""

from __future__ import annotations

import os

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from pipetwist.interfaces import AnyReactor
from pipetwist.storage.store import FileCounterStore
from pipetwist.storage.syncing import Syncing

__all__ = ["StorageService"]


class StorageService(Service):
    """Opens the file at the start, syncs it meanwhile in a thread of its own, and closes it at the stop.

    Nothing is opened before, since a process that becomes a daemon forks first. It starts before whatever counts, and stops after it.

    Args:
        path: the file; it is made where there is none.
        interval: seconds between two syncs.
        reactor: the reactor.
        log: says what was found in the file, and what goes wrong with it.
    """

    def __init__(self, path: str | os.PathLike[str], interval: float, reactor: AnyReactor, log: Logger) -> None:
        self.store = FileCounterStore(path, self._unsaved)
        self._interval = interval
        self._reactor = reactor
        self._log = log
        self._syncing: Syncing | None = None

    def startService(self) -> None:
        """Open the file.

        Raises:
            StoreError: it can't be used.
        """
        contents = self.store.open()
        count = len(self.store.counters())
        self._log.info("The counters are kept in {path}, which has {count} of them", path=self.store.path, count=count)
        if not contents.sealed:
            self._log.info(
                "The daemon that used {path} before was not stopped in order; nothing that it counted is missing, unless the "
                "machine lost its power",
                path=self.store.path,
            )
        if contents.torn:
            self._log.warn(
                "The newest counters in {path} were not all there; {torn} bytes at its end were cleared",
                path=self.store.path,
                torn=contents.torn,
            )
        self._syncing = Syncing(self.store, self._interval, self._reactor, self._log)
        self._syncing.start()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """Close the file; the counters can still be read, and what is added to them then is lost.

        Returns:
            A Deferred that fires when everything is on the disk.
        """
        super().stopService()
        syncing, self._syncing = self._syncing, None
        self.store.detach()
        return succeed(None) if syncing is None else syncing.stop()

    def _unsaved(self, name: str, error: OSError) -> None:
        self._log.error(
            "There is no room in {path} for the counter {name}: {reason}. It counts in memory until there is some, which a kill would lose",
            path=self.store.path,
            name=name,
            reason=error.strerror,
        )
