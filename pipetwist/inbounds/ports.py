"""Has a listening port of Twisted's accept as many as its inbound's gate has room for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IListeningPort

from pipetwist.inbounds.gate import Gate
from pipetwist.network.tcp_ports import MAX_ACCEPTED, hold_back

__all__ = ["hold_to_gate"]


def hold_to_gate(port: IListeningPort, gate: Gate) -> Callable[[], None]:
    """Have a port accept as many as there is room for. Who comes when there is none waits in the
    port's queue.

    Args:
        port: a port of Twisted's, for TCP or a unix socket. Any other, as of somebody's plug-in,
            accepts as it did.
        gate: says how many may come in.

    Returns:
        Lets go of the port, which is to be called when it stops.
    """
    held: Any = port
    if not all(
        hasattr(port, name) for name in ("doRead", "numberAccepts", "startReading", "stopReading")
    ):
        return _nothing

    def count() -> int:
        room = gate.room
        if not room:
            held.stopReading()
            gate.wait(resume)
        return min(MAX_ACCEPTED, room)

    def resume() -> None:
        if held.connected:
            held.startReading()

    hold_back(held, count)
    return lambda: gate.forget(resume)


def _nothing() -> None:
    """There is nothing to let go of."""
