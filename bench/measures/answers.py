"""First answers: how soon a forked command's first bytes come, for as many connections as there may
be commands that wait ready.
"""

from __future__ import annotations

import time

from bench.generator import load
from bench.measures.measure import Better, Effort, Quantity, Take, Values
from bench.relays.pipetwist import Pipetwist
from bench.relays.running import Running

__all__ = ["POOL", "QUANTITIES", "answers"]

POOL = 16
"""How many commands wait ready, where any do; and how many connections come."""
_SETTLED = 0.2  # seconds; the commands of the connections before have to end

QUANTITIES = (Quantity("median", "median µs", Better.LOWER),)


def answers(clients: int) -> Take:
    """As many connections as the pool has commands, when it is full; for a relay without a pool,
    when it has no command.

    Args:
        clients: how many connect at once.
    """

    def take(running: Running, effort: Effort) -> Values:
        if running.program is None:
            return {}
        waiting = running.relay.prefork if isinstance(running.relay, Pipetwist) else 0
        time.sleep(_SETTLED)
        program = running.program
        program.wait_until(
            lambda: len(program.family()) == 1 + waiting, f"have {waiting} commands ready"
        )
        answer = load("connections", running.client, running.server, f"{POOL}x", clients)
        return {"median": answer["median_us"]}

    return take
