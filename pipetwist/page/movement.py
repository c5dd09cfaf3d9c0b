"""What has moved since the last reading: all bytes, and those of each counted name.

Read once a second, whether or not anybody looks at the page. So it is quick where nothing moves: of
a counter only its cell is compared with what it was.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator, Sequence
from itertools import chain, compress, count
from operator import attrgetter, ne
from typing import Any

from pipetwist.interfaces import CounterLike, CounterStoreLike, ICellCounter
from pipetwist.page.rings import ALL, Moved, Name
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.stats.names import DIRECTIONS, traffic_entity

__all__ = ["Movement"]

# In one step, which is less than half a millisecond:
_PIECE = 1000  # connections or counters that are read
_MOVED_PIECE = 250  # counters of these that have grown
_NEW_PIECE = 250  # counters that are new
_RECEIVED, _DELIVERED = attrgetter("client.received"), attrgetter("client.delivered")


class _Counters:
    """Some counters of traffic, and what they were at the last reading."""

    def __init__(self) -> None:
        self.counters: list[Any] = []  # CounterLike, which has no cell, or ICellCounter
        self.names: list[Name] = []
        self.directions = bytearray()
        self.totals = array("d")
        self.seen: list[int] = []

    def read(self) -> list[int]:
        """What they are now."""
        return [counter.total() for counter in self.counters]

    def take(self, counter: CounterLike, name: Name, direction: int) -> None:
        """Add one, which was at 0."""
        self.counters.append(counter)
        self.names.append(name)
        self.directions.append(direction)
        self.totals.append(0.0)
        self.seen.append(0)

    def grown(self, seen: list[int]) -> Iterator[tuple[Name, int, float]]:
        """Those that have grown: the name, the direction, and by how many bytes."""
        if seen == self.seen:
            return
        for index in compress(count(), map(ne, seen, self.seen)):
            total = float(self.counters[index].total())
            grown, self.totals[index] = total - self.totals[index], total
            yield self.names[index], self.directions[index], max(grown, 0.0)
        self.seen = seen


class _CellCounters(_Counters):
    """Those that have cells, as all of ours: what is in a cell changes with the total."""

    def read(self) -> list[int]:
        return [counter.cell[0] for counter in self.counters]


class Movement:
    """Reads what has moved.

    Args:
        connection_table: has the connections.
        store: has the counters.
    """

    def __init__(self, connection_table: ConnectionTable, store: CounterStoreLike) -> None:
        self._connection_table = connection_table
        self._store = store
        self._known: set[str] = set()
        self._pieces: dict[type[_Counters], list[_Counters]] = {}
        self._both = (0, 0)
        self.moved = Moved({}, {})
        """Since the reading before, for all connections together, too."""

    def __repr__(self) -> str:
        moved = len({**self.moved.uplink, **self.moved.downlink})
        return f"<Movement of {len(self._known)} counters, {moved} names moved>"

    def read(self) -> Iterator[None]:
        """Read again, in steps: other work may be done at each yield. It is complete at the end."""
        uplink, downlink = yield from self._read_total()
        moved: tuple[dict[Name, float], ...] = {ALL: uplink}, {ALL: downlink}
        counters = self._store.counters()
        if len(counters) != len(self._known):
            yield from self._take_new(counters)
        for piece in [*chain.from_iterable(self._pieces.values())]:
            for number, (name, direction, grown) in enumerate(piece.grown(piece.read()), 1):
                moved[direction][name] = grown
                if not number % _MOVED_PIECE:
                    yield
            yield
        self.moved = Moved(*moved)

    def _read_total(self) -> Generator[None, None, tuple[float, ...]]:
        table = self._connection_table
        # A connection that closes while this reads is in the list of the open ones, and not yet in
        # these sums.
        uplink, downlink = table.closed_uplink, table.closed_downlink
        connections = table.connections()
        for start in range(0, len(connections), _PIECE):
            piece = connections[start : start + _PIECE]
            uplink += sum(map(_RECEIVED, piece))
            downlink += sum(map(_DELIVERED, piece))
            yield
        before, self._both = self._both, (uplink, downlink)
        return tuple(float(now - then) for now, then in zip(self._both, before, strict=True))

    def _take_new(self, counters: Sequence[CounterLike]) -> Iterator[None]:
        for start in range(0, len(counters), _NEW_PIECE):
            for counter in counters[start : start + _NEW_PIECE]:
                if counter.name not in self._known:
                    self._known.add(counter.name)
                    self._take(counter)
            yield

    def _take(self, counter: CounterLike) -> None:
        found = traffic_entity(counter.name)
        if found is None:
            return
        entity, name, direction = found
        kind = _CellCounters if ICellCounter.providedBy(counter) else _Counters
        pieces = self._pieces.setdefault(kind, [])
        if not pieces or len(pieces[-1].counters) >= _PIECE:
            pieces.append(kind())
        pieces[-1].take(counter, (entity, name), DIRECTIONS.index(direction))
