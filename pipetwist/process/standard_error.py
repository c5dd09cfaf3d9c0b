"""What commands say on standard error, taken to the log by lines, within bounds."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

__all__ = ["StandardErrorLines"]

LONGEST_LINE = 1000  # bytes; what is over is cut off
LINES_PER_SECOND = 20


class StandardErrorLines:
    """Splits one command's output into lines and lets through so many of them a second.

    Args:
        clock: tells the time.
        log: is given each line that goes to the log.
    """

    def __init__(self, clock: IReactorTime, log: Callable[[str], None]) -> None:
        self._clock = clock
        self._log = log
        self._line = bytearray()
        self._second = clock.seconds()
        self._lines = 0
        self._left_out = 0

    def data_received(self, data: bytes) -> None:
        """More output."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._keep(line)
            self._emit()
        self._keep(rest)

    def ended(self) -> None:
        """There is no more output."""
        if self._line:
            self._emit()
        self._tell_left_out()

    def _keep(self, part: bytes) -> None:
        # One byte over the bound is kept, and shows later that something was cut off.
        self._line += part[: LONGEST_LINE + 1 - len(self._line)]

    def _emit(self) -> None:
        line, self._line = self._line, bytearray()
        now = self._clock.seconds()
        if now - self._second >= 1:
            self._tell_left_out()
            self._second = now
            self._lines = 0
        if self._lines >= LINES_PER_SECOND:
            self._left_out += 1
            return
        self._lines += 1
        text = line[:LONGEST_LINE].rstrip(b"\r").decode("utf-8", "backslashreplace")
        self._log(text + "..." if len(line) > LONGEST_LINE else text)

    def _tell_left_out(self) -> None:
        if self._left_out:
            self._log(f"({self._left_out} more lines left out)")
            self._left_out = 0
