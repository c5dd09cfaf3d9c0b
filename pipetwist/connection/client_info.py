"""What is known of a client when its connection is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pipetwist.connection.identity import Identity
from pipetwist.connection.medium import Medium

__all__ = ["DEFAULT_HALF_CLOSE_SECONDS", "ClientInfo", "Timeouts"]

# If a TCP peer vanishes, nothing ever arrives that says so.
DEFAULT_HALF_CLOSE_SECONDS = 300.0
# Longer than what a client has sent already is under way.
_MOMENT_SECONDS = 2.0


@dataclass(frozen=True)
class Timeouts:
    """How long a connection may be open without a byte moving.

    Attributes:
        idle: seconds while it is open both ways; None for no limit.
        half_close: seconds once a direction has ended; None for no limit if the death of either
            peer is always noticed, and `DEFAULT_HALF_CLOSE_SECONDS` otherwise.
        closes_whole: whether the inbound's clients can't take an end of file while they still send.
    """

    idle: float | None = None
    half_close: float | None = None
    closes_whole: bool = False

    @property
    def bound(self) -> float:
        """Seconds without a byte moving that a connection may take which is expected to close by
        itself.
        """
        return DEFAULT_HALF_CLOSE_SECONDS if self.half_close is None else self.half_close

    @property
    def moment(self) -> float:
        """Seconds without a byte moving after which a client that closes whole is told that the
        server has ended.
        """
        return _MOMENT_SECONDS if self.half_close is None else self.half_close


class ClientInfo(NamedTuple):
    """A client that has connected.

    Attributes:
        inbound: the tag of the inbound.
        peer: its address, for the log: ``127.0.0.1:4711``, or ``pid:99 uid:1000 gid:1000``.
        source: where its user is shown as online from: an address without the port, or ``pid:99``.
        user: the user's name; None if the inbound knows none.
        timeouts: the inbound's time-outs.
        address: its IP address, as in ``source``, and its port; None if it has none, as on a unix
            socket.
        destination: the IP address and the port that it connected to, if its proxy said that.
        identity: what else its user is found by; None where the inbound asks for nothing.
        credentials: the process, the uid and the gid at the other end of a unix socket; None if
            they are not known, or are those of a proxy. The process is 0 for one that can't be seen
            from here.
        medium: what its connection is made of; None for what its inbound takes, a stream if that is
            both.
    """

    inbound: str
    peer: str
    source: str
    user: str | None = None
    timeouts: Timeouts = Timeouts()
    address: tuple[str, int] | None = None
    destination: tuple[str, int] | None = None
    identity: Identity | None = None
    credentials: tuple[int, int, int] | None = None
    medium: Medium | None = None
