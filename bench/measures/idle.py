"""Idle connections: the memory and the descriptors that each costs the relay.

The memory is VmRSS of the relay's process. What the kernel keeps for sockets and pipes is not in
it, and is not counted anywhere here.
"""

from __future__ import annotations

import resource
import time

from bench.generator import hold, load
from bench.measures.measure import Better, Effort, Quantity, Values
from bench.processes import MeasureError
from bench.relays.running import Running

__all__ = ["QUANTITIES", "idle"]

_SETTLED = 0.3  # seconds; closing and collecting goes on for a while after the last answer
_WARM_UP = "200x"

QUANTITIES = (
    Quantity("memory", "KB each", Better.LOWER, 2),
    Quantity("descriptors", "descriptors each", Better.LOWER, 2),
    Quantity("base", "MB before", Better.LOWER, 1),
)


def idle(running: Running, effort: Effort) -> Values:
    """Open connections, exchange 64 bytes on each, and look at the relay while they are open; then
    subtract what it had before.
    """
    if running.program is None:
        return {}
    load("connections", running.client, running.server, _WARM_UP)
    time.sleep(_SETTLED)
    memory, descriptors = running.program.memory(), running.program.descriptors()
    try:
        with hold(running.client, running.server, effort.idle):
            time.sleep(_SETTLED)
            more_memory, more_descriptors = (
                running.program.memory() - memory,
                running.program.descriptors() - descriptors,
            )
    except MeasureError as reason:
        message = (
            f"{reason}; the system lets it have {resource.getrlimit(resource.RLIMIT_NOFILE)[0]} "
            "descriptors"
        )
        raise MeasureError(message) from reason
    return {
        "memory": more_memory / effort.idle / 1e3,
        "descriptors": more_descriptors / effort.idle,
        "base": memory / 1e6,
    }
