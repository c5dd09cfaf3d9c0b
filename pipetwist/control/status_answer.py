"""The state of the daemon on the wire."""

from __future__ import annotations

from pipetwist.control.status import Status
from pipetwist.control.texts import wire_text
from pipetwist.control.wire.control_pb2 import (
    FailedConnections,
    GetStatusResponse,
    HeldBack,
    LastReload,
    LimitHit,
    Listener,
    RefusedByLimit,
)

__all__ = ["written_status"]


def written_status(status: Status) -> GetStatusResponse:
    """The same as a message."""
    reload = status.reload
    return GetStatusResponse(
        version=status.version,
        started=status.started,
        uptime=status.uptime,
        listeners=[
            Listener(
                name=wire_text(one.name),
                address=wire_text(one.address),
                is_listening=one.is_listening,
            )
            for one in status.listeners
        ],
        open=status.open,
        connections=status.connections,
        failures=[
            FailedConnections(
                inbound=wire_text(one.inbound),
                outbound=wire_text(one.outbound),
                cause=one.cause,
                count=one.number,
                last=one.last,
                reason=wire_text(one.reason),
            )
            for one in status.failures
        ],
        refused=[RefusedByLimit(limit=limit, count=count) for limit, count in status.refused],
        hits=[
            LimitHit(whose=wire_text(one.whose), limit=one.limit, count=one.number, last=one.last)
            for one in status.hits
        ],
        held=[HeldBack(**{**one._asdict(), "name": wire_text(one.name)}) for one in status.held],
        reload=None
        if reload is None
        else LastReload(time=reload.time, problem=wire_text(reload.problem)),
    )
