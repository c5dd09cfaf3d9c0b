"""The rates of connections, of which the server says only totals, and what is chosen by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pipetwist.control.wire.control_pb2 import OpenConnection

__all__ = ["SORTS", "Choice", "Listed", "Rates"]


class Listed(NamedTuple):
    """A connection with its rates.

    Attributes:
        connection: what the server says of it.
        uplink_rate: bytes a second that were read from the client since the previous answer; None
            if there was none.
        downlink_rate: the same for what was written to it.
    """

    connection: OpenConnection
    uplink_rate: float | None
    downlink_rate: float | None

    @property
    def rate(self) -> float:
        """Bytes a second in both directions; 0 if that is not known."""
        return (self.uplink_rate or 0.0) + (self.downlink_rate or 0.0)

    @property
    def total(self) -> int:
        """Bytes in both directions."""
        return self.connection.uplink + self.connection.downlink


class Rates:
    """Compares each answer with the one before it."""

    def __init__(self) -> None:
        self._before: Mapping[str, OpenConnection] = {}
        self._seconds: float | None = None

    def __repr__(self) -> str:
        return f"<Rates of {len(self._before)} at {self._seconds}>"

    def update(self, connections: Iterable[OpenConnection], seconds: float) -> list[Listed]:
        """Add the rates. A connection that is new has moved all of its bytes since the previous
        answer.

        Args:
            connections: the answer.
            seconds: when it came, on a clock that only grows.
        """
        now = {one.id: one for one in connections}
        passed = None if self._seconds is None else max(seconds - self._seconds, 1e-3)
        listed = [self._listed(one, passed) for one in now.values()]
        self._before, self._seconds = now, seconds
        return listed

    def _listed(self, one: OpenConnection, passed: float | None) -> Listed:
        if passed is None:
            return Listed(one, None, None)
        before = self._before.get(one.id) or OpenConnection()
        return Listed(
            one, (one.uplink - before.uplink) / passed, (one.downlink - before.downlink) / passed
        )


SORTS: Mapping[str, Callable[[Listed], Any]] = {  # values of any type that can be compared
    "id": lambda one: 0,  # they come in this order
    "age": lambda one: -one.connection.age,
    "bytes": lambda one: -one.total,
    "rate": lambda one: -one.rate,
    "user": lambda one: one.connection.user,
}
"""What connections can be sorted by; the largest age, number of bytes and rate come first."""


class Choice(NamedTuple):
    """Which connections of an answer are shown, and in which order.

    Attributes:
        words: texts, each of which must be in the tags, the user or the peer, in any case.
        min_bytes: bytes in both directions at least.
        min_rate: bytes a second in both directions at least.
        sort: a key of `SORTS`.
        limit: how many at most; None for all.
    """

    words: tuple[str, ...] = ()
    min_bytes: int = 0
    min_rate: int = 0
    sort: str = "id"
    limit: int | None = None

    @property
    def needs_rates(self) -> bool:
        """Whether one answer of the server does not suffice."""
        return self.sort == "rate" or self.min_rate > 0

    def of(self, connections: Iterable[Listed]) -> list[Listed]:
        """Choose."""
        words = [word.casefold() for word in self.words]
        found = [
            one
            for one in connections
            if one.total >= self.min_bytes
            and one.rate >= self.min_rate
            and all(word in _text(one.connection) for word in words)
        ]
        return sorted(found, key=SORTS[self.sort])[: self.limit]


def _text(one: OpenConnection) -> str:
    return "\n".join((one.inbound, one.outbound, one.user, one.peer)).casefold()
