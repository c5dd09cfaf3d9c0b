"""What became of connections: the last ones that have ended, and how each outbound does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Mapping
from typing import NamedTuple

from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.interfaces import IConnectionObserver, IConnectionRecord

__all__ = ["MAX_ENDED", "Ended", "EndedConnections"]

MAX_ENDED = 200
"""How many connections are remembered."""
_OF_OUTBOUND = (Cause.CONNECT, Cause.SERVER)


class Ended(NamedTuple):
    """A connection that has ended.

    Attributes:
        id: its number, as in the log.
        inbound: the inbound's tag.
        outbound: the outbound's tag.
        user: the user's name; None if the inbound knows none.
        peer: where it came from, as in the log.
        ended: when, in seconds since the epoch.
        age: how many seconds it was open.
        uplink: bytes read from the client.
        downlink: bytes written to the client.
        cause: why it failed; None if it did not.
        reason: why it ended, for people, as in the log.
    """

    id: int
    inbound: str
    outbound: str
    user: str | None
    peer: str
    ended: float
    age: float
    uplink: int
    downlink: int
    cause: str | None
    reason: str


class _Outbound:
    """How an outbound does.

    Attributes:
        failures: connections that failed at it.
        failed: when the last one did, in seconds since the epoch; None for never.
        id: the number of that one.
        reason: why that one did.
        succeeded: when one last ended without a failure.
    """

    __slots__ = ("failed", "failures", "id", "reason", "succeeded")

    def __init__(self) -> None:
        self.failures = 0
        self.failed: float | None = None
        self.id: int | None = None
        self.reason: str | None = None
        self.succeeded: float | None = None


@implementer(IConnectionObserver)
class EndedConnections:
    """Observes connections, and remembers the last ones that have ended.

    Args:
        now: the time in seconds since the epoch.
        rejections: how many clients were rejected, by the inbound's tag and the cause.
        outbounds: the tags of the outbounds that there are, since a reload may remove some; None
            where none is ever removed.
    """

    def __init__(
        self,
        now: Callable[[], float],
        rejections: Callable[[], Mapping[tuple[str, Cause], int]],
        outbounds: Callable[[], Container[str]] | None = None,
    ) -> None:
        self._now = now
        self._rejections = rejections
        self._there = outbounds
        self._ended: deque[Ended] = deque(maxlen=MAX_ENDED)
        self._outbounds: dict[str, _Outbound] = {}

    def __repr__(self) -> str:
        return f"<EndedConnections: {len(self._ended)}>"

    def opened(self, connection: IConnectionRecord) -> None:
        """Nothing has ended."""

    def closed(self, connection: IConnectionRecord, seconds: float) -> None:
        now = self._now()
        client_info, cause = connection.client_info, connection.cause
        self._ended.append(
            Ended(
                connection.number,
                client_info.inbound,
                connection.outbound,
                client_info.user,
                client_info.peer,
                now,
                seconds,
                connection.uplink,
                connection.downlink,
                None if cause is None else cause.value,
                connection.reason,
            )
        )
        outbound = self._outbounds.get(connection.outbound)
        if outbound is None:
            outbound = self._outbounds[connection.outbound] = _Outbound()
        if cause is None:
            outbound.succeeded = now
        elif cause in _OF_OUTBOUND:
            outbound.failures += 1
            outbound.failed, outbound.reason = now, connection.reason
            outbound.id = connection.number

    def rejected(self, inbound: str, cause: Cause) -> None:
        """It was no connection."""

    def document(self) -> dict[str, object]:
        """All of it, as the JSON object that ``docs/page.md`` describes."""
        self._forget_removed()
        return {
            "outbounds": {
                tag: {
                    "succeeded": one.succeeded,
                    "failures": one.failures,
                    "failed": one.failed,
                    "id": one.id,
                    "reason": one.reason,
                }
                for tag, one in self._outbounds.items()
            },
            "rejected": [
                {"inbound": inbound, "cause": cause.value, "count": count}
                for (inbound, cause), count in self._rejections().items()
            ],
            "connections": [one._asdict() for one in reversed(self._ended)],
        }

    def _forget_removed(self) -> None:
        if self._there is not None:
            there = self._there()
            self._outbounds = {tag: one for tag, one in self._outbounds.items() if tag in there}
