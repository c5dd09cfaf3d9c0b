"""The ids of connections: the log's number, and when the daemon was started, so that an id of an
earlier run is that of no connection.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipetwist.values import quote

__all__ = ["ConnectionId", "parse_id", "start_of"]

_ID = re.compile(r"([1-9][0-9]{0,17})@([0-9]{1,17})", re.ASCII)


class ConnectionId(NamedTuple):
    """An id.

    Attributes:
        number: the connection's, as the log has it.
        start: when the daemon was started, in milliseconds since 1970.
    """

    number: int
    start: int

    def __str__(self) -> str:
        return f"{self.number}@{self.start}"


def start_of(seconds: float) -> int:
    """The second part of ids.

    Args:
        seconds: when the daemon was started, in seconds since 1970.
    """
    return round(seconds * 1000)


def parse_id(text: str) -> ConnectionId:
    """Read an id.

    Raises:
        ValueError: it is none; the text says what one looks like.
    """
    match = _ID.fullmatch(text)
    if match is None:
        message = (
            f"{quote(text)} is not an id; one looks like 17@1796123456789, the number in the log "
            "and when the daemon was started: pipetwist connections shows them"
        )
        raise ValueError(message)
    return ConnectionId(int(match[1]), int(match[2]))
