"""What comes of a call: connections at one moment, and what was done. None of it ever changes, so
that any thread may read it.
"""

from __future__ import annotations

from typing import NamedTuple

from pipetwist.control.ids import ConnectionId

__all__ = ["Closed", "Reset", "Row"]


class Row(NamedTuple):
    """An open connection at one moment.

    Attributes:
        id: its id.
        inbound: the inbound's tag.
        outbound: the outbound's tag.
        user: the user's name; None if the inbound knows none.
        peer: the client's address, for people.
        age: seconds since it was opened.
        uplink: bytes read from the client.
        downlink: bytes written to the client.
        pid: the process of its command; None if it is connected to none.
        held_by: the limit that it waits for; empty if it does not wait.
    """

    id: ConnectionId
    inbound: str
    outbound: str
    user: str | None
    peer: str
    age: float
    uplink: int
    downlink: int
    pid: int | None
    held_by: str


class Closed(NamedTuple):
    """What a call has closed.

    Attributes:
        connections: how many.
        unknown: the ids that were asked for, and that no open connection had.
    """

    connections: int
    unknown: tuple[ConnectionId, ...]


class Reset(NamedTuple):
    """What a call has begun anew.

    Attributes:
        quotas: how many.
        unknown: the users who were named, and have none.
    """

    quotas: int
    unknown: tuple[str, ...]
