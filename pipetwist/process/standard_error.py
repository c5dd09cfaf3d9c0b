"""Logs what commands write to standard error, line by line, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["StandardErrorLines"]

MAX_LINE_LENGTH = 1000  # bytes; longer lines are cut off
BURST_LINES = 500
"""The lines that a command may write in one burst, such as a long traceback. The burst is available
again after a while, at `LINES_PER_SECOND`.
"""
LINES_PER_SECOND = 20
"""The lines of each second that are logged from a longer output: the last ones, since errors come
last.
"""


class StandardErrorLines:
    """Splits one command's standard error into lines, and logs a burst of them, then the last ones
    of each second.

    Args:
        clock: counts the time.
        log: is called with each line to log.
    """

    def __init__(self, clock: IReactorTime, log: Callable[[str], None]) -> None:
        self._clock = clock
        self._log = log
        self._line = bytearray()
        self._allowed = float(BURST_LINES)
        self._counted = clock.seconds()
        self._held: deque[bytearray] | None = None
        self._left_out = 0
        self._call: IDelayedCall | None = None

    def __repr__(self) -> str:
        return f"<StandardErrorLines {len(self._held or ())} lines held, {self._left_out} left out>"

    def data_received(self, data: bytes) -> None:
        """More output."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._keep(line)
            self._end_line()
        self._keep(rest)

    def ended(self) -> None:
        """There is no more output."""
        if self._line:
            self._end_line()
        if self._call is not None:
            self._call.cancel()
            self._emit_held()

    def _keep(self, part: bytes) -> None:
        # One byte more than the bound is kept, to show later that the line was cut off.
        self._line += part[: MAX_LINE_LENGTH + 1 - len(self._line)]

    def _end_line(self) -> None:
        line, self._line = self._line, bytearray()
        if self._held is not None:
            if len(self._held) == LINES_PER_SECOND:
                self._left_out += 1
            self._held.append(line)
        elif self._may_emit():
            self._allowed -= 1
            self._emit(line)
        else:
            self._held = deque((line,), LINES_PER_SECOND)
            self._call = self._clock.callLater(1.0, self._emit_held)

    def _may_emit(self) -> bool:
        now = self._clock.seconds()
        self._allowed = min(self._allowed + (now - self._counted) * LINES_PER_SECOND, BURST_LINES)
        self._counted = now
        return self._allowed >= 1

    def _emit_held(self) -> None:
        held, self._held = self._held or (), None
        self._call = None
        if self._left_out:
            self._log(f"({self._left_out} more lines left out)")
            self._left_out = 0
        # By the end of the second all of them may be logged.
        self._may_emit()
        self._allowed -= len(held)
        for line in held:
            self._emit(line)

    def _emit(self, line: bytearray) -> None:
        text = line[:MAX_LINE_LENGTH].rstrip(b"\r").decode("utf-8", "backslashreplace")
        self._log(text + "..." if len(line) > MAX_LINE_LENGTH else text)
