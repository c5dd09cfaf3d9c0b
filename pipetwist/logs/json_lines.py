"""The log as JSON, one object a line, for twistd and for twist."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from twisted.logger import FileLogObserver, ILogObserver, LogEvent, formatEvent
from twisted.python.logfile import LogFile

__all__ = ["format_json_line", "json_observer", "twistd_log_file"]

_PLAIN = (str, int, float, bool, type(None))


def format_json_line(event: LogEvent) -> str:
    """One event as a line: ``time``, ``level``, ``logger``, ``message``, then the event's own fields."""
    line: dict[str, object] = {
        "time": datetime.fromtimestamp(event["log_time"], timezone.utc).isoformat(timespec="milliseconds"),
        "level": getattr(event.get("log_level"), "name", "info"),
        "logger": event.get("log_namespace", "-"),
        "message": formatEvent(event),
    }
    if "log_failure" in event:
        line["traceback"] = event["log_failure"].getTraceback()
    if event.get("log_namespace", "").startswith("pipetwist"):
        # The line's own keys stay: an observer of Twisted's old kind leaves its "time" and others in the event.
        line |= {key: value for key, value in event.items() if key not in line and not key.startswith("log_") and isinstance(value, _PLAIN)}
    return json.dumps(line, ensure_ascii=False) + "\n"


def json_observer(file: IO[Any]) -> ILogObserver:
    """An observer that writes JSON lines to a file."""
    return FileLogObserver(file, format_json_line)


def twistd_log_file(options: Mapping[str, Any]) -> IO[Any]:
    """The file that twistd itself would log to, given its options: ``twisted.scripts.twistd`` lets nobody else ask it."""
    name = options.get("logfile")
    if name == "-" or (options.get("nodaemon") and not name):
        return sys.stdout
    path = Path(name or "twistd.log")
    return LogFile(path.name, str(path.absolute().parent))  # type: ignore[return-value]  # it has what an observer asks of a file
