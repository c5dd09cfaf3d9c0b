"""Reads the configuration's file again, and reloads the tree."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

from pipetwist.config.document import Document
from pipetwist.config.external_kinds import can_be_imported
from pipetwist.config.reader_process import can_start
from pipetwist.errors import ConfigError, StartError
from pipetwist.files import may_read
from pipetwist.service.reader import Reader, read_here

if TYPE_CHECKING:
    from pipetwist.service.tree import PipetwistService

__all__ = ["FileReloader"]


class FileReloader:
    """Reloads a tree from its file. If the file is not valid, that is logged, and nothing changes.

    Args:
        tree: the tree.
        path: the file, as an absolute path: a daemon's folder is not that of the person who started
            it.
        read: reads the file.
    """

    def __init__(self, tree: PipetwistService, path: str, read: Reader = read_here) -> None:
        self._tree = tree
        self._path = path
        self._read = read
        self._asked: list[Deferred[None]] = []
        self._again = False
        self._stopped = False
        self._reading: Deferred[Document] | None = None
        self._busy = False

    def __repr__(self) -> str:
        state = (
            "stopped"
            if self._stopped
            else "reading"
            if self._reading is not None
            else "reloading"
            if self._busy
            else "idle"
        )
        return f"<FileReloader {self._path} {state}{', once more' if self._again else ''}>"

    def warn_if_unreadable(self) -> None:
        """Log a warning if the file could not be read again: the daemon may run as another user
        since it was read.
        """
        if not may_read(self._path):
            self._tree.log.warn(
                "{path} can't be read again by this user: every reload fails", path=self._path
            )
        if not can_be_imported():
            self._tree.log.warn(
                "no other process can import the registered kinds: a reload reads the "
                "configuration in the daemon itself, "
                "and delays connections"
            )
        elif not can_start():
            self._tree.log.warn(
                "{python} can't be started by this user: a reload reads the configuration in "
                "the daemon itself, and delays connections",
                python=sys.executable or "Python",
            )

    def reload_file(self) -> Deferred[None]:
        """Reload. If a reload is running, another follows it, but only one, however often this is
        called: the file may have changed meanwhile.

        Returns:
            A Deferred that fires when it is done, successful or not.
        """
        if self._stopped:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._asked.append(done)
        self._again = True
        if not self._busy:
            self._begin()
        return done

    def stop(self) -> None:
        """Stop reading, and cancel a reading that is running."""
        self._stopped = True
        self._again = False
        if self._reading is not None:
            self._reading.cancel()

    def _begin(self) -> None:
        self._again = False
        self._busy = True
        self._reading = maybeDeferred(self._read, self._path, self._tree.document)
        # The rest can't be cancelled, so it is added only when the reading is done.
        self._reading.addBoth(self._is_read).addCallback(self._take).addErrback(
            self._refused
        ).addBoth(self._end)

    def _is_read(self, outcome: Document | Failure) -> Document | Failure:
        self._reading = None
        return outcome

    def _take(self, document: Document) -> Deferred[None]:
        return self._tree.reload(document)

    def _refused(self, failure: Failure) -> None:
        if self._stopped and failure.check(CancelledError):
            return
        if failure.check(ConfigError, StartError):
            for line in str(failure.value).splitlines():
                self._tree.log.error("{line}", line=line)
        else:
            self._tree.log.failure("The configuration could not be applied", failure)
        self._tree.log.error("configuration not reloaded; the old one stays in use")

    def _end(self, _: object) -> None:
        self._busy = False
        if self._again:
            self._begin()
            return
        asked, self._asked = self._asked, []
        for done in asked:
            done.callback(None)
