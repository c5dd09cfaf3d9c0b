"""Holds a listening port of Twisted's to its inbound's share of the descriptors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IListeningPort

from pipetwist.descriptors import Share

__all__ = ["hold_to_share"]


def hold_to_share(port: IListeningPort, share: Share) -> Callable[[], None]:
    """Have a port accept as many as there is room for. Who comes when there is none waits in the port's queue.

    Args:
        port: a port of Twisted's, for TCP or a unix socket. Any other, as of somebody's plug-in, accepts as it did.
        share: says how many may come in.

    Returns:
        Lets go of the port, which is to be called when it stops.
    """
    held: Any = port
    if not all(hasattr(port, name) for name in ("doRead", "numberAccepts", "startReading", "stopReading")):
        return _nothing
    read: Callable[[], object] = held.doRead

    def read_within_bounds() -> object:
        room = share.room
        if not room:
            held.stopReading()
            share.wait(resume)
            return None
        # What it accepts in a turn, which it raises by itself.
        held.numberAccepts = min(held.numberAccepts, room)
        return read()

    def resume() -> None:
        if held.connected:
            held.startReading()

    held.doRead = read_within_bounds
    return lambda: share.forget(resume)


def _nothing() -> None:
    """There is nothing to let go of."""
