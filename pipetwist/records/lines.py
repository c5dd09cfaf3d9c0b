"""The lines of a file of connection records: JSON objects."""

from __future__ import annotations

from pipetwist.interfaces import IConnectionRecord
from pipetwist.logs.json_lines import iso_time, json_line

__all__ = ["TOO_SLOW", "lost_line", "record_line"]

TOO_SLOW = "the disk was too slow"
"""Why records are lost for which there was no room in the queue."""


def record_line(connection: IConnectionRecord, seconds: float, ended: float) -> str:
    """The line of a connection. Its keys are those of the log, where that has them.

    Args:
        connection: the connection, which has closed.
        seconds: how long it was open.
        ended: when it closed, in seconds since 1970.
    """
    client_info, process, cause = connection.client_info, connection.process, connection.cause
    return json_line(
        {
            "began": iso_time(ended - seconds),
            "ended": iso_time(ended),
            "seconds": round(seconds, 6),
            "id": connection.number,
            "inbound": client_info.inbound,
            "outbound": connection.outbound,
            "user": client_info.user,
            "source": client_info.source,
            "peer": client_info.peer,
            "pid": None if process is None else process.pid,
            "uplink": connection.uplink,
            "downlink": connection.downlink,
            "cause": None if cause is None else cause.value,
            "reason": connection.reason,
        }
    )


def lost_line(count: int, why: str, now: float) -> str:
    """The line that stands for records that are missing at this point.

    Args:
        count: how many.
        why: why they are missing, for people.
        now: the time of day, in seconds since 1970.
    """
    return json_line({"time": iso_time(now), "lost": count, "reason": why})
