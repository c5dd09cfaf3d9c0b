"""Short exchanges of 64 bytes each way: a connection for each, with TLS or without, or all on
one.
"""

from __future__ import annotations

from bench.generator import load
from bench.measures.measure import Better, Effort, Quantity, Take, Values
from bench.relays.running import Running

__all__ = [
    "CONNECTION_QUANTITIES",
    "HANDSHAKE_QUANTITIES",
    "TRIP_QUANTITIES",
    "connections",
    "handshakes",
    "trips",
]

_MAX_CONNECTIONS = 7_000
"""TCP gets slow when it has used half its ports between two addresses, 14,000, and each is kept for
a minute after its connection's end. A run may be taken twice."""
_MICRO = 1e-6

CONNECTION_QUANTITIES = (
    Quantity("rate", "connections/s", Better.HIGHER),
    Quantity("median", "median µs", Better.LOWER),
    Quantity("p99", "99 % µs", Better.LOWER),
    Quantity("cpu", "CPU µs each", Better.LOWER),
)
HANDSHAKE_QUANTITIES = (Quantity("rate", "handshakes/s", Better.HIGHER), *CONNECTION_QUANTITIES[1:])
TRIP_QUANTITIES = (
    Quantity("rate", "round trips/s", Better.HIGHER),
    Quantity("median", "median µs", Better.LOWER, 1),
    Quantity("p99", "99 % µs", Better.LOWER, 1),
)


def connections(clients: int = 8, *, share: float = 1.0) -> Take:
    """Clients that connect, send, receive, close, and begin again."""
    return _connecting("connections", (), clients, share)


def handshakes(kind: str, clients: int = 8) -> Take:
    """The same with TLS.

    Args:
        kind: ``full``, or ``resumed`` where each handshake resumes the session of the one before.
        clients: how many at once.
    """
    return _connecting("handshakes", (kind,), clients)


def _connecting(mode: str, words: tuple[str, ...], clients: int, share: float = 1.0) -> Take:
    def take(running: Running, effort: Effort) -> Values:
        before = running.cpu_seconds()
        answer = load(
            mode,
            running.client,
            running.server,
            *words,
            f"{effort.seconds * share}/{_MAX_CONNECTIONS}x",
            clients,
        )
        values = {
            "rate": answer["per_second"],
            "median": answer["median_us"],
            "p99": answer["p99_us"],
        }
        if running.program:
            values["cpu"] = (running.cpu_seconds() - before) / answer["count"] / _MICRO
        return values

    return take


def trips(*, share: float = 1.0) -> Take:
    """One client that sends and waits for the answer, over and over."""

    def take(running: Running, effort: Effort) -> Values:
        answer = load("trips", running.client, running.server, effort.seconds * share)
        return {
            "rate": answer["per_second"],
            "median": answer["median_us"],
            "p99": answer["p99_us"],
        }

    return take
