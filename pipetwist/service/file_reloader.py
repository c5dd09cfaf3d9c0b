"""Reads the configuration's file again, and reloads the tree."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

from pipetwist.config.document import Document
from pipetwist.config.external_kinds import can_be_imported
from pipetwist.config.reader_process import can_start
from pipetwist.config.users_file import with_users_of_file
from pipetwist.errors import ConfigError, StartError
from pipetwist.files import may_read
from pipetwist.kinds.user_options import UsersFile
from pipetwist.service.reader import Reader, UsersReader, read_here, read_users_here
from pipetwist.service.users_watch import UsersWatch

if TYPE_CHECKING:
    from pipetwist.service.tree import PipetwistService

__all__ = ["FileReloader"]


class FileReloader:
    """Reloads a tree from its file, and its users from theirs. If a file is not valid, that is
    logged, and nothing changes.

    Args:
        tree: the tree.
        path: the file, as an absolute path: a daemon's folder is not that of the person who started
            it.
        read: reads the file.
        read_users: reads the file of users.
    """

    def __init__(
        self,
        tree: PipetwistService,
        path: str,
        read: Reader = read_here,
        read_users: UsersReader = read_users_here,
    ) -> None:
        self._tree = tree
        self._path = path
        self._read = read
        self._read_users = read_users
        self._asked: list[Deferred[None]] = []
        self._again = False
        self._users_again = False
        self._stopped = False
        self._reading: Deferred[Any] | None = None  # of a document or of users
        self._busy = False
        self._watch: UsersWatch | None = None

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

    def watch(self) -> None:
        """Read the file of users again when it changes, if the current document says so."""
        document = self._tree.document
        watched = document.users_file if document.watch else None
        if self._watch is None and watched is not None:
            self._watch = UsersWatch(self._tree.reactor, self.reload_users)
        if self._watch is not None:
            self._watch.follow(*(None, None) if watched is None else (watched.path, watched.mark))

    def reload_file(self) -> Deferred[None]:
        """Reload. If a reload is running, another follows it, but only one, however often this is
        called: the file may have changed meanwhile.

        Returns:
            A Deferred that fires when it is done, successful or not.
        """
        self._again = True
        return self._ask()

    def reload_users(self) -> Deferred[None]:
        """Read the users' file alone, and go on with what else the current document says.

        Returns:
            A Deferred that fires when it is done, successful or not.
        """
        self._users_again = True
        return self._ask()

    def _ask(self) -> Deferred[None]:
        if self._stopped:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._asked.append(done)
        if not self._busy:
            self._begin()
        return done

    def stop(self) -> None:
        """Stop reading, and cancel a reading that is running."""
        self._stopped = True
        if self._watch is not None:
            self._watch.stop()
        self._again = self._users_again = False
        if self._reading is not None:
            self._reading.cancel()

    def _begin(self) -> None:
        document = self._tree.document
        of_users = None if self._again else document.users_file
        self._again = self._users_again = False
        self._busy = True
        if of_users is None:
            self._reading = maybeDeferred(self._read, self._path, document)
        else:
            self._reading = maybeDeferred(self._read_users, of_users.path, document)
        what = "configuration" if of_users is None else "users"
        # The rest can't be cancelled, so it is added only when the reading is done.
        self._reading.addBoth(self._is_read).addCallback(self._take).addErrback(
            self._refused, what
        ).addBoth(self._end)

    def _is_read(self, outcome: Any) -> Any:  # what was read, or why not
        self._reading = None
        return outcome

    def _take(self, read: Document | UsersFile) -> Deferred[None]:
        if isinstance(read, UsersFile):
            read = with_users_of_file(self._tree.document, read)
        return self._tree.reload(read)

    def _refused(self, failure: Failure, what: str) -> None:
        if self._stopped and failure.check(CancelledError):
            return
        self._tree.overview.refused(str(failure.value))
        if failure.check(ConfigError, StartError):
            for line in str(failure.value).splitlines():
                self._tree.log.error("{line}", line=line)
        else:
            self._tree.log.failure("The configuration could not be applied", failure)
        self._tree.log.error(
            "{what} not reloaded; the old {kind} in use",
            what=what,
            kind="one stays" if what == "configuration" else "ones stay",
        )

    def _end(self, _: object) -> None:
        if not self._stopped:
            self.watch()
        self._busy = False
        if self._again or self._users_again:
            self._begin()
            return
        asked, self._asked = self._asked, []
        for done in asked:
            done.callback(None)
