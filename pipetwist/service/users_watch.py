"""Watches a file of users, and tells when somebody has finished writing it.

Linux says that (inotify(7)). What it may leave out, as where the folder was replaced or the file is
behind a symbolic link, a thread finds that looks at the file from time to time; where there is no
inotify it looks more often. Whether somebody still writes it a look can't know, so that a change is
told when another finds no further one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.python.filepath import FilePath

from pipetwist.files import FileMark, mark_of
from pipetwist.interfaces import AnyReactor
from pipetwist.network.threads import start_thread

__all__ = ["QUIET_SECONDS", "UsersWatch"]

QUIET_SECONDS = 0.5
"""How long after the last change the file is read."""
LOOK_SECONDS = 1.0
"""How often the thread looks where there is no inotify."""
RARE_LOOK_SECONDS = 30.0
"""How often it looks where there is."""

_Seen = FileMark | None
"""Which file it is, and when it was changed; None if there is none."""


class UsersWatch:
    """Watches one file, or none.

    Args:
        reactor: the reactor.
        changed: is called half a second after the file was replaced, or closed by its writer.
        start: starts a thread for a call that may wait for a disk.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        changed: Callable[[], object],
        start: Callable[[Callable[[], None]], None] = start_thread,
    ) -> None:
        self._reactor = reactor
        self._changed = changed
        self._start = start
        self._path: str | None = None
        self._notifier: Any = None  # an INotify, whose module only Linux has
        self._quiet: IDelayedCall | None = None
        self._next_look: IDelayedCall | None = None
        self._seen: _Seen = None
        self._unsettled = False

    def __repr__(self) -> str:
        how = "by looking" if self._notifier is None else "by inotify"
        return f"<UsersWatch of {self._path or 'nothing'}, {how}>"

    def follow(self, path: str | None, read: _Seen = None) -> None:
        """Watch this file from now on, or none.

        Args:
            path: the file; None to watch none.
            read: the file as it was when it was last read: if it has changed since, that is told,
                too.
        """
        if path == self._path:
            return
        self.stop()
        self._path = path
        self._seen = read
        if path is not None:
            # In this order, so that no change is between the two.
            self._notifier = _notifier(self._reactor, path, self._noticed)
            self._look(self._compare)

    def stop(self) -> None:
        """Watch nothing any more."""
        self._path = None
        self._unsettled = False
        for call in (self._quiet, self._next_look):
            if call is not None and call.active():
                call.cancel()
        notifier, self._notifier = self._notifier, None
        if notifier is not None:
            notifier.stopReading()
            notifier.loseConnection()

    def _noticed(self, _: object, path: Any, mask: int) -> None:  # Any: a FilePath of bytes
        if self._path is not None and path.basename() == os.fsencode(os.path.basename(self._path)):  # noqa: PTH119 - a text
            self._wait_for_quiet()

    def _wait_for_quiet(self) -> None:
        if self._quiet is not None and self._quiet.active():
            self._quiet.reset(QUIET_SECONDS)
        else:
            self._quiet = self._reactor.callLater(QUIET_SECONDS, self._tell)

    def _tell(self) -> None:
        # What is written from now on inotify says; the thread need not find this once more.
        self._look(self._remember)
        self._changed()

    # The thread.

    def _look_later(self) -> None:
        seconds = LOOK_SECONDS if self._notifier is None else RARE_LOOK_SECONDS
        if self._unsettled:
            seconds = QUIET_SECONDS
        self._next_look = self._reactor.callLater(seconds, self._look, self._compare)

    def _look(self, found: Callable[[_Seen], None]) -> None:
        """Look at the file in a thread; what is found is for the reactor's. Where that can't be
        done it is as it was, until the next look.
        """
        path = self._path

        def work() -> None:
            seen = _seen(path or "")
            self._reactor.callFromThread(take, seen)

        def take(seen: _Seen) -> None:
            if self._path == path:
                found(seen)

        try:
            self._start(work)
        except RuntimeError:  # this process may have no more threads
            found(self._seen)

    def _remember(self, seen: _Seen) -> None:
        self._seen = seen
        self._unsettled = False

    def _compare(self, seen: _Seen) -> None:
        changed = seen != self._seen
        settled = self._unsettled and not changed
        self._seen = seen
        self._unsettled = changed
        self._look_later()
        if settled:
            self._changed()


def _seen(path: str) -> _Seen:
    try:
        status = os.stat(path)  # noqa: PTH116 - a text
    except OSError:
        return None
    return mark_of(status)


def _notifier(reactor: AnyReactor, path: str, noticed: Callable[..., None]) -> Any:  # an INotify
    """What tells of changes in a file's folder; None where nothing does."""
    try:
        from twisted.internet import inotify

        notifier = inotify.INotify(reactor)
    except Exception:  # noqa: BLE001 - the system has none, or allows no more of them
        return None
    try:
        notifier.watch(
            FilePath(os.path.dirname(path)),  # noqa: PTH120 - a text
            inotify.IN_CLOSE_WRITE | inotify.IN_MOVED_TO,
            callbacks=[noticed],
        )
    except Exception:  # noqa: BLE001 - the folder is not there, or may not be read
        notifier.loseConnection()
        return None
    notifier.startReading()
    return notifier
