"""The log as twistd sends it to syslog. Each line begins with its priority until the thread passes
it to the system.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import ILogObserver, LegacyLogObserverWrapper
from twisted.python.syslog import SyslogObserver

from pipetwist.logs.text_lines import escape
from pipetwist.logs.writer import Written

__all__ = ["SyslogOutput", "priority_line", "syslog_observer"]


def priority_line(priority: int, text: str) -> str:
    """A line with its priority, as in RFC 3164: ``<14>text``."""
    return f"<{priority}>{escape(text)}\n"


class _Observer(SyslogObserver):
    """Twisted's observer, with its lines passed to a function.

    Args:
        prefix: the beginning of each line.
        write: is called with each.
    """

    def __init__(self, prefix: str, write: Callable[[str], object]) -> None:
        super().__init__(prefix)
        self._write = write

    def syslog(self, priority: int, text: str) -> None:
        self._write(priority_line(priority, text))


def syslog_observer(prefix: str, write: Callable[[str], object]) -> ILogObserver:
    """Make the observer of twistd's syslog, which writes single lines.

    Args:
        prefix: the beginning of each line.
        write: is called with each.
    """
    emit: Any = _Observer(prefix, write).emit  # Twisted's, which has no types
    return LegacyLogObserverWrapper(emit)


class SyslogOutput:
    """The system's log, which gets each line with its priority.

    Args:
        send: passes a priority and a text to the system.
    """

    def __init__(self, send: Callable[[int, str], object]) -> None:
        self._send = send

    def write(self, data: bytes) -> Written:
        for line in data.decode("utf-8").split("\n"):
            priority, _, text = line.removeprefix("<").partition(">")
            if text:
                self._send(int(priority), text)
        return Written(len(data))

    def rotate(self) -> None:
        """See `pipetwist.logs.writer.Output`: the system does that."""
