"""What is told of a connection once it is over: one line in the log."""

from __future__ import annotations

from twisted.logger import Logger

from pipetwist.connection.visitor import Visitor

__all__ = ["log_connection"]

_LINE = "{id} {inbound} -> {outbound} user={user} peer={peer} {seconds:.3f}s up={uplink} down={downlink}: {reason}"


def log_connection(
    log: Logger, number: int, visitor: Visitor, outbound: str, *, seconds: float, uplink: int, downlink: int, reason: str
) -> None:
    """Write the line of one finished connection.

    Args:
        log: where to.
        number: the connection's number, counted from 1 since the start.
        visitor: who it was.
        outbound: the tag of where it went.
        seconds: how long it was open.
        uplink: bytes read from the client.
        downlink: bytes written to the client.
        reason: why it ended.
    """
    log.info(
        _LINE,
        id=number,
        inbound=visitor.inbound,
        outbound=outbound,
        user=visitor.user or "-",
        peer=visitor.peer,
        seconds=seconds,
        uplink=uplink,
        downlink=downlink,
        reason=reason,
    )
