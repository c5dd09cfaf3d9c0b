"""The log of twistd and of twist: the destination that each would use with its options, written by
our thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, MutableMapping
from typing import IO, Any, Literal, NamedTuple, TypeAlias

from twisted.logger import ILogObserver, LogLevel, textFileLogObserver

from pipetwist.logs.file_opening import Owner
from pipetwist.logs.line_observer import LineObserver
from pipetwist.logs.log_file import LogFile
from pipetwist.logs.outputs import output_to
from pipetwist.logs.plain_lines import FormatLine, json_lines, text_lines
from pipetwist.logs.writer import LogWriter, Output

__all__ = ["LogSettings", "RunnerLog", "RunnerOptions"]

RunnerOptions: TypeAlias = MutableMapping[str, Any]
"""The options of twistd or twist, each of another type."""


class LogSettings(NamedTuple):
    """What a configuration says about the log.

    Attributes:
        format: the format of lines.
        max_size: bytes of a file of twistd's; 0 for any number.
        max_files: how many full ones are kept; 0 for all.
        timestamp: whether lines begin with the time.
    """

    format: Literal["text", "json"]
    max_size: int
    max_files: int
    timestamp: bool = True


class RunnerLog:
    """The log of twistd or twist, once it is open.

    Args:
        settings: what the configuration says.
        opened: called when the log is open; then `linger` must be called at the end of the process.
        now: the time of day, in seconds since 1970.
    """

    def __init__(
        self,
        settings: LogSettings,
        opened: Callable[[], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._opened = opened
        self._now = now
        self._writer: LogWriter | None = None
        self.rotates = False
        """Whether it is a file that `rotate` can rotate."""

    def of_twistd(self, options: RunnerOptions) -> ILogObserver | None:
        """Open the log that twistd would open; ``twisted.scripts.twistd`` has no way to ask for it.

        Args:
            options: twistd's.

        Returns:
            The observer for twistd's application; None if twistd should use one that its options
            name.

        Raises:
            OSError: the file can't be opened.
            ValueError: a daemon should log to its standard output.
        """
        if options.get("logger"):
            return None
        if options.get("syslog"):
            return self._to_syslog(str(options.get("prefix") or ""))
        name = options.get("logfile")
        if name == "-" and not options.get("nodaemon"):
            message = "a daemon has no standard output to log to; give --logfile a file"
            raise ValueError(message)
        format_line = self._format
        if name == "-" or (options.get("nodaemon") and not name):
            return self._observer(output_to(sys.stdout), format_line)
        file = LogFile(
            name or "twistd.log",
            self._settings.max_size,
            self._settings.max_files,
            lambda why: self._notice(
                format_line, "the log could not be rotated, and keeps growing: {why}", why=why
            ),
            _owner(options),
        )
        self.rotates = True
        return self._observer(file, format_line)

    def of_twist(self, options: RunnerOptions) -> None:
        """Have the thread write the log that twist opens.

        Args:
            options: twist's.
        """
        chosen = options["fileLogObserverFactory"]

        def observer(stream: IO[str]) -> ILogObserver:
            if self._settings.format == "json" or chosen is textFileLogObserver:
                format_line = self._format
            else:
                format_line = chosen(stream).formatEvent
            made = self._observer(output_to(stream), format_line)
            self.start()
            return made

        options["fileLogObserverFactory"] = observer

    @property
    def _format(self) -> FormatLine:
        lines = json_lines if self._settings.format == "json" else text_lines
        return lines(timed=self._settings.timestamp)

    def start(self) -> None:
        """Start to write. A daemon must have forked before."""
        if self._writer is not None:
            self._writer.start()

    def rotate(self) -> None:
        """Rotate the file."""
        if self._writer is not None:
            self._writer.rotate()

    def linger(self) -> None:
        """The process is about to end: from now on wait a little until lines are written."""
        if self._writer is not None:
            self._writer.linger()

    def _observer(self, output: Output, format_line: FormatLine) -> ILogObserver:
        def left_out(count: int, why: str) -> bytes:
            return self._notice(
                format_line,
                "{count} lines of the log are missing here: {why}",
                count=count,
                why=why,
            )

        self._writer = LogWriter(output, left_out)
        self._opened()
        return LineObserver(self._writer.write, format_line)

    def _to_syslog(self, prefix: str) -> ILogObserver:
        # There is none on Windows, where twistd has no such option.
        import syslog

        from pipetwist.logs.syslog_lines import SyslogOutput, priority_line, syslog_observer

        def left_out(count: int, why: str) -> bytes:
            return priority_line(
                syslog.LOG_WARNING,
                f"[pipetwist#warn] {count} lines of the log are missing here: {why}",
            ).encode()

        self._writer = LogWriter(SyslogOutput(syslog.syslog), left_out)
        self._opened()
        return syslog_observer(prefix, self._writer.write)

    def _notice(self, format_line: FormatLine, text: str, **fields: object) -> bytes:
        event = {
            "log_time": self._now(),
            "log_level": LogLevel.warn,
            "log_namespace": "pipetwist",
            "log_format": text,
            **fields,
        }
        return (format_line(event) or "").encode("utf-8", "backslashreplace")


def _owner(options: RunnerOptions) -> Owner | None:
    """The user that twistd becomes after the log is open."""
    user, group = options.get("uid"), options.get("gid")
    if user is None:
        return None
    if group is None:
        import pwd  # there is none on Windows, where twistd has no such option

        try:
            group = pwd.getpwuid(user).pw_gid
        except KeyError:
            return None
    return user, group
