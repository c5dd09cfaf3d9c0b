"""What an operator asks first. None of it ever changes, so that any thread may read it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FailedConnections", "HeldBack", "LastReload", "LimitHit", "Listener", "Status"]


class Listener(NamedTuple):
    """Something that listens.

    Attributes:
        name: ``inbound`` and its tag, or the key of what else it is.
        address: where; empty where that is not known.
        is_listening: whether it does now.
    """

    name: str
    address: str
    is_listening: bool


class FailedConnections(NamedTuple):
    """Connections that failed for the same cause.

    Attributes:
        inbound: the inbound's tag.
        outbound: the outbound's tag; empty for clients who were rejected.
        cause: as the metrics have it.
        number: how many.
        last: when the last one did, in seconds since the epoch.
        reason: why that one did, as in the log; empty where only the cause is known.
    """

    inbound: str
    outbound: str
    cause: str
    number: int
    last: float
    reason: str


class LimitHit(NamedTuple):
    """A limit that was reached.

    Attributes:
        whose: whose limit it is, such as ``user alice``.
        limit: its key.
        number: how often.
        last: when it last was, in seconds since the epoch.
    """

    whose: str
    limit: str
    number: int
    last: float


class HeldBack(NamedTuple):
    """How long a rate has held bytes back.

    Attributes:
        entity: ``inbound``, ``outbound`` or ``user``.
        name: its tag or name.
        direction: ``up`` or ``down``.
        seconds: how long.
    """

    entity: str
    name: str
    direction: str
    seconds: float


class LastReload(NamedTuple):
    """What came of a reload.

    Attributes:
        time: when it ended, in seconds since the epoch.
        problem: why it was not applied, a line for each problem; empty if it was.
    """

    time: float
    problem: str


class Status(NamedTuple):
    """The state of a daemon at one moment. All numbers are since its start.

    Attributes:
        version: of pipetwist.
        started: when it was started, in seconds since the epoch.
        uptime: how long ago, in seconds.
        listeners: everything that listens.
        open: connections that are open.
        connections: connections that there have been.
        failures: those that failed, without what never happened.
        refused: how many a limit has refused, by its key, likewise.
        held: the rates that held bytes back longest.
        reload: the last one; None if there was none.
        hits: the limits that were reached last, the latest first.
    """

    version: str
    started: float
    uptime: float
    listeners: tuple[Listener, ...]
    open: int
    connections: int
    failures: tuple[FailedConnections, ...]
    refused: tuple[tuple[str, int], ...]
    held: tuple[HeldBack, ...]
    reload: LastReload | None
    hits: tuple[LimitHit, ...] = ()
