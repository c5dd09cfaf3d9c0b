"""The figures of one moment, read from the connection table and the counters in steps, with the
rates since the previous sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from pipetwist.interfaces import CounterStoreLike
from pipetwist.page.largest import largest
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.record import ConnectionRecord
from pipetwist.stats.names import DIRECTIONS, ENTITIES, Entity, traffic_entity

__all__ = ["MAX_NAMES", "Flow", "Reading", "Sampler"]

MAX_NAMES = 2000
"""The maximum of inbounds, of outbounds and of users in a sample; if there are more, those with the
most bytes.
"""
_PIECE = 250  # connections or counters that are read in one step: half a millisecond
_Item = TypeVar("_Item")


class Flow:
    """Bytes in both directions, and the rates since the previous sample."""

    __slots__ = ("downlink", "downlink_rate", "uplink", "uplink_rate")

    def __init__(self) -> None:
        self.uplink = 0
        """Bytes read from clients, in all."""
        self.downlink = 0
        """Bytes written to clients, in all."""
        self.uplink_rate: float | None = None
        """Bytes a second; None without a previous sample."""
        self.downlink_rate: float | None = None
        """The same for the downlink."""

    @property
    def total(self) -> int:
        """Bytes of both directions."""
        return self.uplink + self.downlink

    @property
    def moved(self) -> bool:
        """Whether it may have changed."""
        return self.uplink_rate != 0 or self.downlink_rate != 0

    def update(self, uplink: int, downlink: int, seconds: float | None) -> None:
        """Set new totals, and the rates over this number of seconds; None if that is not known."""
        if seconds is None:
            self.uplink_rate = self.downlink_rate = None
        else:
            self.uplink_rate = (uplink - self.uplink) / seconds
            self.downlink_rate = (downlink - self.downlink) / seconds
        self.uplink = uplink
        self.downlink = downlink


class Reading(Flow):
    """One connection's figures.

    Args:
        connection: the connection.
    """

    __slots__ = ("connection", "round", "text")

    def __init__(self, connection: ConnectionRecord) -> None:
        super().__init__()
        self.connection = connection
        self.round = 0
        """The number of the latest sample that has it."""
        client_info = connection.client_info
        self.text = "\n".join(
            (client_info.inbound, connection.outbound, client_info.user or "", client_info.peer)
        ).casefold()
        """The text that the words of a filter are searched in."""


class Sampler:
    """Reads the figures.

    It overwrites the previous ones: to make as many new objects a second as there are connections
    would trigger Python's garbage collector, which delays the reactor more than all of this.

    Args:
        connection_table: has the connections.
        store: has the counters.
    """

    def __init__(self, connection_table: ConnectionTable, store: CounterStoreLike) -> None:
        self._connection_table = connection_table
        self._store = store
        self._round = 0
        # Counters are never removed.
        self._totals: dict[Entity, dict[str, list[int]]] = {entity: {} for entity in ENTITIES}
        self.seconds = 0.0
        """When it was taken, by the connection table's clock."""
        self.interval: float | None = None
        """Seconds since the previous sample; None for the first."""
        self.opened = 0
        """How many connections there have been."""
        self.flow = Flow()
        """All bytes, whether they are counted or not."""
        self.connections: dict[ConnectionRecord, Reading] = {}
        """The open connections, in the order in which they came."""
        self.traffic: dict[Entity, dict[str, Flow]] = {entity: {} for entity in ENTITIES}
        """The flow of each counted name, at most `MAX_NAMES` of each kind."""
        self.counted: dict[Entity, int] = dict.fromkeys(ENTITIES, 0)
        """How many names of each kind are counted."""

    def sample(self) -> Iterator[None]:
        """Read everything.

        Other work may be done at each yield, so that many connections or users do not block the
        reactor. The figures are complete at the end.
        """
        now = self._connection_table.clock.seconds()
        first = self._round == 0
        interval = None if first else max(now - self.seconds, 1e-3)
        self._round += 1
        self.seconds, self.interval, self.opened = now, interval, self._connection_table.total
        # A connection that closes while this reads is in the list of the open ones, and not yet in
        # these sums.
        uplink, downlink = (
            self._connection_table.closed_uplink,
            self._connection_table.closed_downlink,
        )
        connections: list[ConnectionRecord] = [*self._connection_table.connections()]
        for piece in _pieces(connections):
            for connection in piece:
                reading = self._read(connection, interval)
                uplink += reading.uplink
                downlink += reading.downlink
            yield
        self.flow.update(uplink, downlink, interval)
        if len(self.connections) > len(connections):
            for connection in [
                connection
                for connection, reading in self.connections.items()
                if reading.round != self._round
            ]:
                del self.connections[connection]
        yield
        yield from self._read_counters(interval)

    def _read(self, connection: ConnectionRecord, interval: float | None) -> Reading:
        reading = self.connections.get(connection)
        if reading is None:
            reading = self.connections[connection] = Reading(connection)
        reading.round = self._round
        reading.update(connection.uplink, connection.downlink, interval)
        return reading

    def _read_counters(self, interval: float | None) -> Iterator[None]:
        for piece in _pieces(self._store.counters()):
            for counter in piece:
                found = traffic_entity(counter.name)
                if found is not None:
                    entity, name, direction = found
                    both = self._totals[entity].get(name)
                    if both is None:
                        both = self._totals[entity][name] = [0, 0]
                    both[DIRECTIONS.index(direction)] = counter.total()
            yield
        for entity in ENTITIES:
            yield from self._keep(entity, self._totals[entity], interval)

    def _keep(
        self, entity: Entity, totals: dict[str, list[int]], interval: float | None
    ) -> Iterator[None]:
        all_known = self.counted[entity] == len(self.traffic[entity])
        self.counted[entity] = len(totals)
        names = list(totals)
        if len(names) > MAX_NAMES:
            names = yield from largest(names, MAX_NAMES, lambda name: sum(totals[name]))
            names.sort()
        known, flows = self.traffic[entity], dict[str, Flow]()
        for piece in _pieces(names):
            for name in piece:
                flow = known.get(name)
                # A new name has all of its bytes since then; of a name that was left out before,
                # that is not known.
                since = interval if flow is not None or all_known else None
                flows[name] = flow or Flow()
                uplink, downlink = totals[name]
                flows[name].update(uplink, downlink, since)
            yield
        self.traffic[entity] = flows


def _pieces(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + _PIECE] for start in range(0, len(items), _PIECE))
