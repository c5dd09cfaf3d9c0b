"""Reads a configuration in another process, and takes the result in small pieces, so that no
connection waits for it.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from pipetwist.config.document import Document
from pipetwist.config.reader_process import can_start, command
from pipetwist.config.reading import read_document
from pipetwist.config.serialization import Deserializer, ForeignLineError, OtherVersionError
from pipetwist.config.users_file import read_users
from pipetwist.errors import ConfigError
from pipetwist.interfaces import AnyReactor, AnyTransport, SpawnerLike
from pipetwist.kinds.user_options import UsersFile
from pipetwist.process.spawners import spawner_for
from pipetwist.process.state import describe_exit

__all__ = [
    "MAX_SECONDS",
    "ProcessReader",
    "Reader",
    "UsersReader",
    "read_here",
    "read_users_here",
]

MAX_SECONDS = 60.0
"""The time limit for reading a configuration."""

_MAX_LINE_BYTES = 1 << 24  # bytes; a line of a document has some thousands
_MAX_COMPLAINT_LENGTH = 1000  # bytes of standard error
_MAX_LINES = 64  # that wait to be taken; no more are read meanwhile
_READER = "the process that reads it"
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has none

Reader = Callable[[str, Document], "Deferred[Document]"]
"""Reads a file, given the previous document; its Deferred fails with ConfigError, and can be
cancelled.
"""

UsersReader = Callable[[str, Document], "Deferred[UsersFile]"]
"""Reads a file of users in the same way."""


def read_here(path: str, before: Document) -> Deferred[Document]:
    """Read a configuration in this process, which blocks meanwhile."""
    reading: Deferred[Document] = maybeDeferred(read_document, path)
    return reading


def read_users_here(path: str, before: Document) -> Deferred[UsersFile]:
    """Read a file of users in this process, which blocks meanwhile."""
    reading: Deferred[UsersFile] = maybeDeferred(read_users, path)
    return reading


class ProcessReader:
    """Reads configurations, each in another process.

    If Python can't be started they are read in this process.

    Args:
        reactor: counts the time, and builds the document in one turn for each piece.
        spawner: starts the process; None for the best one for the system.
        make_command: makes the command line, for a path.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        spawner: SpawnerLike | None = None,
        make_command: Callable[[str], Sequence[str]] = command,
    ) -> None:
        self._clock = reactor
        self._spawner = spawner or spawner_for(reactor)
        self._make_command = make_command

    def read(self, path: str, before: Document) -> Deferred[Document]:
        """Read a configuration.

        Args:
            path: the file, absolute.
            before: the previous document; what has not changed is the same object in the new one.

        Returns:
            A Deferred of the document. It fails with `pipetwist.errors.ConfigError`, whose text has
            one line for each problem. If it is cancelled, the process is killed.
        """
        if not can_start():
            return read_here(path, before)
        reading = _Reading(self._clock, self._spawner, path, before, Document)
        reading.start(self._make_command(path))
        return reading.done

    def read_users(self, path: str, before: Document) -> Deferred[UsersFile]:
        """Read a file of users, as `read` does a configuration.

        Args:
            path: the file, absolute.
            before: the current document; users that have not changed are the same objects.
        """
        if not can_start():
            return read_users_here(path, before)
        reading = _Reading(self._clock, self._spawner, path, before, UsersFile)
        reading.start(command(path, users=True))
        return reading.done


_Read = TypeVar("_Read", Document, UsersFile)


class _Reading(ProcessProtocol, Generic[_Read]):
    """One reading: a process, and its output so far."""

    transport: AnyTransport

    def __init__(
        self,
        clock: IReactorTime,
        spawner: SpawnerLike,
        path: str,
        before: Document,
        of: type[_Read],
    ) -> None:
        self.done: Deferred[_Read] = Deferred(lambda _: self._end())
        self._of: type[_Read] = of
        self._clock = clock
        self._spawner = spawner
        self._path = path
        self._deserializer = Deserializer(before, of)
        self._remembering = True
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        self._complaint = b""
        self._paused = False
        self._exit: Failure | None = None
        self._over = False
        self._turn: IDelayedCall | None = None
        self._limit: IDelayedCall | None = None

    def __repr__(self) -> str:
        state = (
            "over"
            if self._over
            else "exited"
            if self._exit is not None
            else "paused"
            if self._paused
            else "reading"
        )
        return (
            f"<_Reading {self._path} {state}, {len(self._lines)} lines to take, "
            f"{self._deserializer}>"
        )

    def start(self, words: Sequence[str]) -> None:
        """Start the process."""
        self._limit = self._clock.callLater(
            MAX_SECONDS, self._fail, f"reading it has taken more than {MAX_SECONDS:g} s"
        )
        try:
            self._spawner.spawn(self, words, dict(os.environ))
        except OSError as error:
            self._fail(f"no process can be started to read it: {error.strerror}")
        else:
            self._continue()

    # ProcessProtocol.

    def connectionMade(self) -> None:
        """It has no input but its arguments."""
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """Output."""
        if self._over:
            return
        lines, newline, rest = data.rpartition(b"\n")
        if newline:
            self._rest += lines
            self._lines.extend(bytes(self._rest).split(b"\n"))
            self._rest = bytearray()
        self._rest += rest
        if len(self._rest) > _MAX_LINE_BYTES:
            self._fail_foreign()
            return
        if len(self._lines) > _MAX_LINES and not self._paused:
            self._paused = True
            self.transport.pauseProducing()
        self._continue()

    def errReceived(self, data: bytes) -> None:
        """Its errors."""
        self._complaint = (self._complaint + data)[-_MAX_COMPLAINT_LENGTH:]

    def processEnded(self, reason: Failure) -> None:
        """All output has been read."""
        self._exit = reason
        self._continue()

    # One piece in each turn of the reactor.

    def _continue(self) -> None:
        if not self._over and self._turn is None:
            self._turn = self._clock.callLater(0, self._slice)

    def _slice(self) -> None:
        self._turn = None
        if self._remembering:
            self._remembering = self._deserializer.remember()
        elif self._lines:
            self._take(self._lines.popleft())
        if self._over:
            return
        if self._remembering or self._lines:
            self._continue()
        elif self._exit is not None:
            self._conclude()
        if self._paused and not self._lines:
            self._paused = False
            self.transport.resumeProducing()

    def _take(self, line: bytes) -> None:
        try:
            self._deserializer.take(line)
        except ForeignLineError:
            self._fail_foreign()
        except OtherVersionError:
            self._fail(
                "another version of pipetwist is installed than the one that runs, which "
                "needs a restart to be reloaded"
            )

    def _conclude(self) -> None:
        outcome = self._deserializer.outcome
        if isinstance(outcome, self._of):
            self._end()
            self.done.callback(outcome)
        elif isinstance(outcome, ConfigError):
            self._end()
            self.done.errback(outcome)
        else:
            error: Any = getattr(self._exit, "value", None)  # a ProcessDone or ProcessTerminated
            why = describe_exit(error.exitCode, error.signal, _READER)
            self._fail(
                (why or f"{_READER} ended before it had sent everything") + self._last_complaint()
            )

    def _last_complaint(self) -> str:
        lines = self._complaint.decode("utf-8", "backslashreplace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {said}" if said else ""

    def _fail_foreign(self) -> None:
        self._fail("the process that reads it sent something that is not a configuration")

    def _fail(self, why: str) -> None:
        if not self._over:
            self._end()
            self.done.errback(ConfigError(f"{self._path}: {why}"))

    def _end(self) -> None:
        self._over = True
        for call in (self._turn, self._limit):
            if call is not None and call.active():
                call.cancel()
        self._lines.clear()
        self._rest.clear()
        if self.transport is not None and self._exit is None:
            self._spawner.signal_group(self.transport, _SIGKILL)
            self.transport.loseConnection()
        self._clock.callLater(0, self._forget)

    def _forget(self) -> None:
        if self._deserializer.forget():
            self._clock.callLater(0, self._forget)
