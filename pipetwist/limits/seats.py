"""How many connections are open, from how many sources, and how many may begin in a second.

Nothing here does I/O or asks for the time: each call is told it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from ipaddress import IPv6Address
from math import inf
from typing import NamedTuple, Protocol

from pipetwist.connection.client_info import ClientInfo

__all__ = ["Bounds", "PerSecond", "Refusal", "Seats", "source_of"]


class Refusal(NamedTuple):
    """Why a connection is refused.

    Attributes:
        limit: the key that says so.
        whose: whose limit it is, such as ``user alice``.
        text: for people.
    """

    limit: str
    whose: str
    text: str


class Bounds(Protocol):
    """What bounds those who are open; None and an infinite number are no bound."""

    @property
    def max_connections(self) -> float | None:
        """How many may be open."""

    @property
    def connections_per_second(self) -> float | None:
        """How many may begin in a second."""


class PerSecond:
    """A token bucket of one second, which holds one at least.

    Args:
        now: the time; it is full.
        rate: how many a second.
    """

    __slots__ = ("_at", "_left", "rate")

    def __init__(self, now: float, rate: float) -> None:
        self._at = now
        self._left = max(1.0, rate)
        self.rate = rate

    def __repr__(self) -> str:
        return f"<PerSecond {self.rate:g}: {self._left:g} left>"

    def left(self, now: float) -> int:
        """How many may begin now."""
        if now > self._at:
            self._left = min(max(1.0, self.rate), self._left + (now - self._at) * self.rate)
            self._at = now
        # Sums of times are not exact.
        return int(self._left + 1e-9)

    def take(self) -> None:
        """One has begun."""
        self._left -= 1

    def seconds_until_one(self) -> float:
        """How long it takes until one may begin."""
        return max(0.0, (1 - self._left) / self.rate)


class Seats:
    """Those who are open under each name."""

    def __init__(self) -> None:
        self._open: Counter[Hashable] = Counter()
        self._sources: dict[Hashable, Counter[str]] = {}
        self._per_second: dict[Hashable, PerSecond] = {}

    def __repr__(self) -> str:
        return f"<Seats {self._open.total()} taken>"

    def open(self, key: Hashable) -> int:
        """How many are open under a key."""
        return self._open[key]

    def sources(self, key: Hashable) -> int:
        """From how many sources they come."""
        return len(self._sources.get(key, ()))

    def lacking(
        self, key: Hashable, bounds: Bounds, max_sources: float | None, source: str, now: float
    ) -> tuple[str, float] | None:
        """What one more would be too much for.

        Args:
            key: under which it would be.
            bounds: what holds there.
            max_sources: from how many sources connections may come.
            source: its source.
            now: the time.

        Returns:
            The name of the limit and its figure; None if there is room.
        """
        if _reached(self._open[key], bounds.max_connections):
            return "max_connections", bounds.max_connections or 0
        sources = self._sources.get(key, ())
        if source not in sources and _reached(len(sources), max_sources):
            return "max_sources", max_sources or 0
        rate = bounds.connections_per_second
        if rate is None or rate == inf:
            self._per_second.pop(key, None)
            return None
        bucket = self._per_second.get(key)
        if bucket is None:
            bucket = self._per_second[key] = PerSecond(now, rate)
        bucket.rate = rate
        return None if bucket.left(now) else ("connections_per_second", rate)

    def take(self, keys: Sequence[Hashable], source: str) -> None:
        """One has begun under these keys."""
        for key in keys:
            if key in self._per_second:
                self._per_second[key].take()
        self.adopt(keys, source)

    def adopt(self, keys: Sequence[Hashable], source: str) -> None:
        """One is open under these keys that began before anything was limited."""
        for key in keys:
            self._open[key] += 1
            self._sources.setdefault(key, Counter())[source] += 1

    def leave(self, keys: Sequence[Hashable], source: str) -> None:
        """One has ended."""
        for key in keys:
            self._open[key] -= 1
            sources = self._sources[key]
            sources[source] -= 1
            if not sources[source]:
                del sources[source]
            if not self._open[key]:
                del self._open[key], self._sources[key]


def source_of(client_info: ClientInfo) -> str:
    """What counts as one source: an address of IPv4, a /64 of IPv6, a uid at a unix socket."""
    if client_info.address is not None:
        host = client_info.address[0].partition("%")[0]
        if ":" not in host:
            return host
        return f"{int(IPv6Address(host)) >> 64:x}::/64"
    if client_info.credentials is not None:
        return f"uid:{client_info.credentials[1]}"
    return client_info.source


def _reached(count: int, bound: float | None) -> bool:
    return bound is not None and count >= bound
