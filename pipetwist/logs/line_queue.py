"""The lines of the log that are not written yet, up to a number of bytes; further lines are
counted.
"""

from __future__ import annotations

from threading import Condition, RLock
from typing import NamedTuple

__all__ = ["Batch", "LineQueue"]


class Batch(NamedTuple):
    """The next lines to write.

    Attributes:
        data: lines, each with its end.
        left_out: how many lines after these did not fit.
        rotate: whether later lines belong in another file.
    """

    data: bytes
    left_out: int
    rotate: bool


class LineQueue:
    """Accepts lines from any thread without blocking, and passes all of them to the thread that
    writes.

    Args:
        max_bytes: how much it holds. While it is empty it accepts a line of any size.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        # A line may arrive while another is being added: from a signal handler, or from an object's
        # finalizer.
        self._lock = RLock()
        self._filled = Condition(self._lock)
        self._emptied = Condition(self._lock)
        self._lines: list[bytes] = []
        self._size = 0
        self._left_out = 0
        self._ends = False
        self.refused = 0
        """How many lines have not fitted since the start."""
        self._rotate_after: int | None = None
        self._writing = False

    def __repr__(self) -> str:
        return (
            f"<LineQueue of {len(self._lines)} lines, {self._size} bytes; {self._left_out} lines "
            "left out>"
        )

    def put(self, line: bytes) -> None:
        """Add a line, or count it if there is no room."""
        size = len(line)
        with self._lock:  # itself: a condition's own way to it is written in Python
            # When one line did not fit, no other is added until the queue is taken, so that the
            # missing lines are all in one place.
            if self._left_out or (self._lines and self._size + size > self._max_bytes):
                count = line.count(b"\n")
                self._left_out += count
                self.refused += count
                return
            self._lines.append(line)
            self._size += size
            if len(self._lines) == 1:
                self._filled.notify()

    def ask_for_rotation(self) -> None:
        """Have later lines written to another file."""
        with self._filled:
            if self._rotate_after is None:
                self._rotate_after = len(self._lines)
            self._filled.notify()

    def end(self) -> None:
        """No more lines are added: `take` does not wait for any from now on."""
        with self._filled:
            self._ends = True
            self._filled.notify()

    def take(self, seconds: float | None = None) -> Batch:
        """Wait for lines, and take all of them, or all up to a rotation. The lines taken before are
        written by now.

        Args:
            seconds: after this time the batch may be empty; None to wait without a limit.
        """
        with self._filled:
            self._writing = False
            if not self._something():
                self._emptied.notify_all()
                self._filled.wait_for(lambda: self._ends or self._something(), seconds)
            self._writing = True
            rotate_after, self._rotate_after = self._rotate_after, None
            if rotate_after is None:
                batch = Batch(b"".join(self._lines), self._left_out, False)
                self._lines = []
                self._size = self._left_out = 0
            else:
                batch = Batch(b"".join(self._lines[:rotate_after]), 0, True)
                self._lines = self._lines[rotate_after:]
                self._size -= len(batch.data)
            return batch

    def wait_until_written(self, seconds: float) -> bool:
        """Wait until everything is written, at most this time, and return whether it is."""
        with self._emptied:
            return self._emptied.wait_for(
                lambda: not self._writing and not self._something(), seconds
            )

    def _something(self) -> bool:
        return bool(self._lines or self._left_out or self._rotate_after is not None)
