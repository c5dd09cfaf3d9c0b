"""The state of the daemon on the wire."""

from __future__ import annotations

from pipetwist.control.status import Status
from pipetwist.control.wire.control_pb2 import (
    FailedConnections,
    GetStatusResponse,
    HeldBack,
    LastReload,
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
                name=_text(one.name), address=_text(one.address), is_listening=one.is_listening
            )
            for one in status.listeners
        ],
        open=status.open,
        connections=status.connections,
        failures=[
            FailedConnections(
                inbound=_text(one.inbound),
                outbound=_text(one.outbound),
                cause=one.cause,
                count=one.number,
            )
            for one in status.failures
        ],
        refused=[RefusedByLimit(limit=limit, count=count) for limit, count in status.refused],
        held=[HeldBack(**{**one._asdict(), "name": _text(one.name)}) for one in status.held],
        reload=None
        if reload is None
        else LastReload(time=reload.time, problem=_text(reload.problem)),
    )


def _text(text: str) -> str:
    """A text that protobuf takes: a path may be no Unicode."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
