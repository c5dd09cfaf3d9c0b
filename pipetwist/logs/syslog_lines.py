"""The log as syslog has it from twistd, each line with its priority before it until the thread
hands it to the system.
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
    """Twisted's own, which gives its lines away.

    Args:
        prefix: stands before each line.
        write: takes each.
    """

    def __init__(self, prefix: str, write: Callable[[str], object]) -> None:
        super().__init__(prefix)
        self._write = write

    def syslog(self, priority: int, text: str) -> None:
        self._write(priority_line(priority, text))


def syslog_observer(prefix: str, write: Callable[[str], object]) -> ILogObserver:
    """What twistd logs to syslog, a line each.

    Args:
        prefix: stands before each line.
        write: takes each.
    """
    emit: Any = _Observer(prefix, write).emit  # Twisted's, which has no types
    return LegacyLogObserverWrapper(emit)


class SyslogOutput:
    """The system's log, where each line goes with its priority.

    Args:
        send: hands a priority and a text to the system.
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
        """See `pipetwist.logs.writer.Output`: it is the system's to do."""
