"""Which connections are counted, and on which counters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from zope.interface import implementer

from pipetwist.interfaces import ICounter, ICounterStore, ITracker
from pipetwist.stats.names import Direction, Entity, traffic_name

__all__ = ["Tracked", "Tracker"]

# So many trackers of before are freed when a new one is made.
_FREED_AT_ONCE = 4


@implementer(ITracker)
class Tracker:
    """Adds connections' bytes to each counter that they belong to.

    Args:
        uplink: the counters of what is read from the client.
        downlink: the counters of what is written to the client.
    """

    __slots__ = ("downlink", "uplink")

    def __init__(self, uplink: Iterable[ICounter], downlink: Iterable[ICounter]) -> None:
        self.uplink = _adder(list(uplink))
        """See `ITracker`."""
        self.downlink = _adder(list(downlink))
        """See `ITracker`."""


def _adder(counters: Sequence[ICounter]) -> Callable[[int], None]:
    """What adds to all of these counters in one call: it is made for every read and every write of a counted connection."""

    def add_to_any(count: int) -> None:
        for counter in counters:
            counter.add(count)

    units = {counter.unit for counter in counters}
    if not 1 <= len(counters) <= 3 or len(units) > 1:
        return add_to_any
    (unit,) = units
    first, second, third = (*(counter.cell for counter in counters), [0], [0])[:3]

    def add_to_one(count: int) -> None:
        first[0] += count

    def add_to_two(count: int) -> None:
        first[0] += count
        second[0] += count

    def add_to_three(count: int) -> None:
        first[0] += count
        second[0] += count
        third[0] += count

    def add_units(count: int) -> None:
        units = count * unit
        try:
            first[0] += units
        except ValueError:
            counters[0].add(count)
        try:
            second[0] += units
        except ValueError:
            counters[1].add(count)
        try:
            third[0] += units
        except ValueError:
            counters[2].add(count)

    return (add_to_one, add_to_two, add_to_three)[len(counters) - 1] if unit == 1 else add_units


class Tracked:
    """The tags and users that are counted.

    As in sing-box, one connection adds the same figures to its inbound, its outbound and its user, each where it is listed, and a counter
    appears, both directions at 0, with the first connection that it belongs to.

    Args:
        store: where the counters live.
        inbounds: tags of the inbounds to count.
        outbounds: tags of the outbounds to count.
        users: names of the users to count.
    """

    def __init__(
        self, store: ICounterStore, *, inbounds: Iterable[str] = (), outbounds: Iterable[str] = (), users: Iterable[str] = ()
    ) -> None:
        self.store = store
        self._names: dict[Entity, frozenset[str]] = {}
        self._trackers: dict[tuple[str, str, str | None], Tracker | None] = {}
        self._stale: list[dict[tuple[str, str, str | None], Tracker | None]] = []
        self.change(inbounds=inbounds, outbounds=outbounds, users=users)

    def change(self, *, inbounds: Iterable[str] = (), outbounds: Iterable[str] = (), users: Iterable[str] = ()) -> None:
        """Count these from now on, and no others. Connections that have a tracker keep it, and counters stay as they are."""
        self._names = {"inbound": frozenset(inbounds), "outbound": frozenset(outbounds), "user": frozenset(users)}
        # There may be many, and to free them all would hold up every connection.
        if self._trackers:
            self._stale.append(self._trackers)
            self._trackers = {}

    def names(self) -> list[tuple[Entity, str]]:
        """Every inbound, outbound and user that is counted."""
        return [(entity, name) for entity, names in self._names.items() for name in sorted(names)]

    def tracks(self, entity: Entity, name: str | None) -> bool:
        """Whether this inbound, outbound or user is counted."""
        return name in self._names[entity]

    def tracker(self, inbound: str, outbound: str, user: str | None) -> Tracker | None:
        """The tracker of a connection, or None where nothing that it belongs to is counted.

        Those of the same inbound, outbound and user share one.
        """
        key = (inbound, outbound, user)
        if key not in self._trackers:
            self._free_stale()
            self._trackers[key] = self._make_tracker(inbound, outbound, user)
        return self._trackers[key]

    def _free_stale(self) -> None:
        for _ in range(_FREED_AT_ONCE):
            if not self._stale:
                return
            self._stale[-1].popitem()
            if not self._stale[-1]:
                self._stale.pop()

    def _make_tracker(self, inbound: str, outbound: str, user: str | None) -> Tracker | None:
        parts: tuple[tuple[Entity, str | None], ...] = (("inbound", inbound), ("outbound", outbound), ("user", user))
        belongs = [(entity, name) for entity, name in parts if name is not None and self.tracks(entity, name)]
        if not belongs:
            return None

        def counters(direction: Direction) -> list[ICounter]:
            return [self.store.counter(traffic_name(entity, name, direction)) for entity, name in belongs]

        return Tracker(counters("uplink"), counters("downlink"))
