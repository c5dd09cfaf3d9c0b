"""Makes a listening port of Twisted's accept only as many clients as its inbound's gate has room
for.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IListeningPort

from pipetwist.inbounds.gate import Gate
from pipetwist.interfaces import AnyPort
from pipetwist.network.tcp_ports import MAX_ACCEPTED, hold_back

__all__ = ["hold_to_gate"]


def hold_to_gate(port: IListeningPort, gate: Gate) -> Callable[[], None]:
    """Make a port accept as many clients as there is room for. While there is none, clients wait in
    the port's queue.

    Args:
        port: a port of Twisted's, for TCP or a unix socket. Any other, such as a plug-in's, is left
            as it is.
        gate: says how many clients there is room for.

    Returns:
        A function that undoes this, to be called when the port stops.
    """
    held: AnyPort = port
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
    """Nothing to undo."""
