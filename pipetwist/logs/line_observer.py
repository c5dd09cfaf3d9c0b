"""The observer of the log whose lines another thread writes."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent
from zope.interface import implementer

__all__ = ["LineObserver"]


@implementer(ILogObserver)
class LineObserver:
    """Passes each event on as a line, as Twisted's ``FileLogObserver`` does, but needs no file.

    Args:
        write: is called with each line.
        format_line: makes the line of an event; nothing if it has none.
    """

    def __init__(
        self, write: Callable[[str], object], format_line: Callable[[LogEvent], str | None]
    ) -> None:
        self._write = write
        self._format_line = format_line

    def __call__(self, event: LogEvent) -> None:
        line = self._format_line(event)
        if line:
            self._write(line)
