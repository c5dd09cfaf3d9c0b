"""Streams: bytes a second as they come in at the receiving end, and what each GB costs the
relay.
"""

from __future__ import annotations

from bench.generator import load
from bench.measures.measure import Better, Effort, Quantity, Take, Values
from bench.relays.running import Running

__all__ = ["QUANTITIES", "stream"]

_GIGA = 1e9

QUANTITIES = (
    Quantity("rate", "GB/s", Better.HIGHER, 2),
    Quantity("cpu", "CPU s/GB", Better.LOWER, 3),
)


def stream(direction: str, connections: int = 1, *, share: float = 1.0) -> Take:
    """Connections that carry as much as they can.

    Args:
        direction: ``up``, ``down`` or ``both`` at once; the rate of both is their sum, but what a
            command echoes counts once.
        connections: how many at once.
        share: of the usual time.
    """

    def take(running: Running, effort: Effort) -> Values:
        before = running.cpu_seconds()
        answer = load(
            "stream", running.client, running.server, direction, effort.seconds * share, connections
        )
        values = {"rate": answer["bytes_per_second"] / _GIGA}
        if running.program:
            values["cpu"] = (running.cpu_seconds() - before) / (answer["received"] / _GIGA)
        return values

    return take
