"""The thread that writes the log, so that the reactor never waits for its reader or for a disk."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable
from threading import Thread, current_thread
from typing import NamedTuple, Protocol

from pipetwist.logs.line_queue import Batch, LineQueue

__all__ = ["LINGER_SECONDS", "LogWriter", "Output", "Written"]

# What is kept while the output is blocked: some thousand lines.
_MAX_BYTES = 1 << 20
_TOO_SLOW = "the reader of the log, or its disk, was too slow"
# After a write, so that a busy relay does not wake this thread for each line: they would take turns
# at the interpreter, which costs more than the line itself.
_PAUSE_SECONDS = 0.005
# How often a failed write is tried again.
_RETRY_SECONDS = 1.0

LINGER_SECONDS = 2.0
"""How long the process waits at its end until lines are written."""


class Written(NamedTuple):
    """The result of a write.

    Attributes:
        size: how many of its bytes are written.
        error: why not all of them are; None if they are.
    """

    size: int
    error: OSError | None = None


class Output(Protocol):
    """An output of the log."""

    def write(self, data: bytes) -> Written:
        """Write whole lines, however long it takes."""

    def rotate(self) -> None:
        """Rotate the file, if it is one."""


class LogWriter:
    """Takes the lines of an observer, and writes them in another thread.

    Nothing is written before `start`, since a daemon forks after its log has begun, and a thread
    does not survive that.

    Args:
        output: writes the lines.
        left_out: makes the line that says how many are missing at this point, and why.
        max_bytes: how much is kept while the output is blocked.
        too_slow: why there was no room for more.
    """

    def __init__(
        self,
        output: Output,
        left_out: Callable[[int, str], bytes],
        max_bytes: int = _MAX_BYTES,
        too_slow: str = _TOO_SLOW,
    ) -> None:
        self._output = output
        self._left_out = left_out
        self._queue = LineQueue(max_bytes)
        self._thread: Thread | None = None
        self._until: float | None = None
        self._too_slow = too_slow
        self._ended: Callable[[], object] | None = None
        self._unwritten = 0
        self._lost = 0
        self._why = ""
        self._torn = False

    def __repr__(self) -> str:
        return f"<LogWriter {'running' if self._thread else 'not started'}, {self._queue!r}>"

    @property
    def lost(self) -> int:
        """How many lines have been lost since the start. From any thread."""
        return self._queue.refused + self._unwritten

    def end(self, ended: Callable[[], object]) -> None:
        """Write what is queued, and end the thread, which has been started. Nothing may be added
        from now on.

        Args:
            ended: is called by the thread as the last thing that it does.
        """
        self._ended = ended
        self._queue.end()

    def start(self) -> None:
        """Start to write. A second call does nothing."""
        if self._thread is None:
            # A daemon thread: it may be in a write that never ends.
            thread = Thread(target=self._run, name="pipetwist-log", daemon=True)
            thread.start()
            self._thread = thread

    def write(self, text: str) -> None:
        """Add a line."""
        # File names that are no UTF-8 have lone surrogates, which have no encoding. Written like
        # this they are right in JSON too.
        line = text.encode("utf-8", "backslashreplace")
        if self._until is None:
            self._queue.put(line)
            return
        self._wait()
        self._queue.put(line)
        self._wait()

    def rotate(self) -> None:
        """Rotate the file, after the lines that are queued now."""
        self._queue.ask_for_rotation()

    def linger(self, seconds: float = LINGER_SECONDS) -> None:
        """The process is about to end: from now on wait until lines are written, up to this number
        of seconds in total.
        """
        if self._until is None:
            self._until = time.monotonic() + seconds
        try:
            self.start()
        except RuntimeError:
            # From Python 3.12 on no thread can be started any more while the interpreter ends.
            self._write(self._queue.take(0))
        self._wait()

    def _wait(self) -> None:
        # A finalizer that runs in the writing thread may log there.
        if self._until is not None and self._thread is not current_thread():
            self._queue.wait_until_written(max(self._until - time.monotonic(), 0.0))

    def _run(self) -> None:
        while True:
            batch = self._queue.take(_RETRY_SECONDS if self._lost else None)
            self._write(batch)
            if self._ended is not None and not batch.data:
                self._ended()
                return
            if self._until is None:
                _pause()

    def _write(self, batch: Batch) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            self._put_out(self._left_out(lost, self._why), lost)
        self._put_out(batch.data)
        if batch.left_out:
            self._put_out(self._left_out(batch.left_out, self._too_slow), batch.left_out)
        if batch.rotate:
            self._output.rotate()

    def _put_out(self, data: bytes, stands_for: int | None = None) -> None:
        """Write a piece of the log. If that fails, count its lines as missing."""
        count = 0
        if not self._lost:
            end_of_torn = b"\n" if self._torn else b""
            whole = end_of_torn + data
            count, error = self._output.write(whole)
            if count:
                self._torn = whole[count - 1 : count] != b"\n"
            if error is None:
                return
            self._why = error.strerror or str(error)
            count = max(count - len(end_of_torn), 0)
        if stands_for is None:
            stands_for = data.count(b"\n", count)
            self._unwritten += stands_for
        self._lost += stands_for


def _pause() -> None:
    if sys.platform == "win32":  # whose select wants a socket
        time.sleep(_PAUSE_SECONDS)
    else:
        # Python's sleep waits until a moment of a clock, and where that is put back, for long.
        select.select((), (), (), _PAUSE_SECONDS)
