"""Writes a line for each connection that ends, in a thread that waits for the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from twisted.application.service import Service
from twisted.internet.defer import Deferred, TimeoutError, succeed  # noqa: A004 - Twisted's name
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.errors import StartError
from pipetwist.interfaces import AnyReactor, IConnectionObserver, IConnectionRecord
from pipetwist.logs.log_file import LogFile
from pipetwist.logs.writer import LINGER_SECONDS, LogWriter
from pipetwist.records.lines import TOO_SLOW, lost_line, record_line

__all__ = ["ConnectionRecords", "RecordSettings"]

_LABEL = "log.connections"
_MAX_BYTES = 1 << 20  # some thousand records, while the disk is slow
_MODE = 0o600  # they say who does what
_CANNOT = "{label}: {path} can't be rotated, and keeps growing: {why}"


class RecordSettings(NamedTuple):
    """The file.

    Attributes:
        path: where it is.
        max_size: bytes that it may have; 0 for any number.
        max_files: how many full ones are kept; 0 for all.
    """

    path: str
    max_size: int
    max_files: int


@implementer(IConnectionObserver)
class ConnectionRecords(Service):
    """Observes connections. The file is open while it runs.

    Nothing is opened before the start, since a process that becomes a daemon forks first. It must
    stop after the last connection has closed.

    Args:
        settings: the file.
        reactor: the reactor.
        log: gets what goes wrong with the file.
        now: the time of day, in seconds since 1970; from any thread.
        max_bytes: how much is kept while the disk is slow.
    """

    def __init__(
        self,
        settings: RecordSettings,
        reactor: AnyReactor,
        log: Logger,
        now: Callable[[], float] = time.time,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self._settings = settings
        self._reactor = reactor
        self._log = log
        self._now = now
        self._max_bytes = max_bytes
        self._before = 0
        self._file: LogFile | None = None
        self._writer: LogWriter | None = None

    def __repr__(self) -> str:
        return f"<ConnectionRecords {self._settings.path}, {self.lost} lost>"

    @property
    def lost(self) -> int:
        """How many records have been lost. From any thread."""
        return self._before + (0 if self._writer is None else self._writer.lost)

    def startService(self) -> None:
        """Open the file.

        Raises:
            StartError: it can't be opened.
        """
        path, max_size, max_files = self._settings
        try:
            self._file = LogFile(path, max_size, max_files, self._cannot_rotate, mode=_MODE)
        except OSError as error:
            message = f"{_LABEL}: {error.filename or path}: {error.strerror}"
            raise StartError(message) from error
        self._writer = LogWriter(self._file, self._lost_line, self._max_bytes, TOO_SLOW)
        self._writer.start()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """Write what is not written yet, and close the file.

        Returns:
            A Deferred that fires when that is done, or takes too long.
        """
        super().stopService()
        writer, file = self._writer, self._file
        if writer is None or file is None:
            return succeed(None)
        done: Deferred[None] = Deferred()

        def close(_: None) -> None:
            file.close()
            self._before += writer.lost
            self._writer = self._file = None

        writer.end(lambda: self._reactor.callFromThread(_fire, done))
        done.addTimeout(LINGER_SECONDS, self._reactor)
        return done.addCallbacks(close, self._too_slow)

    def opened(self, connection: IConnectionRecord) -> None:
        """Does nothing: a record is of a connection that has ended."""

    def closed(self, connection: IConnectionRecord, seconds: float) -> None:
        if self._writer is not None:
            self._writer.write(record_line(connection, seconds, self._now()))

    def rejected(self, inbound: str, cause: Cause) -> None:
        """Does nothing: who is rejected has no connection."""

    def _too_slow(self, failure: Failure) -> None:
        failure.trap(TimeoutError)
        self._log.warn(
            "{label}: {path}: the last records can't be written: {why}",
            label=_LABEL,
            path=self._settings.path,
            why=TOO_SLOW,
        )

    def _lost_line(self, count: int, why: str) -> bytes:
        return lost_line(count, why, self._now()).encode()

    def _cannot_rotate(self, why: str) -> bytes:
        self._log.warn(_CANNOT, label=_LABEL, path=self._settings.path, why=why)
        return b""


def _fire(done: Deferred[None]) -> None:
    if not done.called:  # too late otherwise
        done.callback(None)
