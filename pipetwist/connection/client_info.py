"""Who came: all that is known of a connection when it is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["DEFAULT_HALF_CLOSE_SECONDS", "ClientInfo", "Timeouts"]

# A TCP peer that has vanished is never heard of again by who waits for it.
DEFAULT_HALF_CLOSE_SECONDS = 300.0


@dataclass(frozen=True)
class Timeouts:
    """How long a connection may go on without a byte moving.

    Attributes:
        idle: seconds while it is open both ways; None for as long as it likes.
        half_close: seconds once a direction has ended; None for as long as it likes where neither
            peer can die unnoticed, and elsewhere for `DEFAULT_HALF_CLOSE_SECONDS`.
    """

    idle: float | None = None
    half_close: float | None = None

    @property
    def bound(self) -> float:
        """Seconds that what is to end by itself may take without a byte moving."""
        return DEFAULT_HALF_CLOSE_SECONDS if self.half_close is None else self.half_close


class ClientInfo(NamedTuple):
    """A client that has connected.

    Attributes:
        inbound: the tag of the inbound.
        peer: where it comes from, for the log: ``127.0.0.1:4711``, or ``pid:99 uid:1000 gid:1000``.
        source: what its user is seen online from: an address without the port, or ``pid:99``.
        user: the user's name; None where the inbound knows none.
        timeouts: the inbound's time-outs.
    """

    inbound: str
    peer: str
    source: str
    user: str | None = None
    timeouts: Timeouts = Timeouts()
