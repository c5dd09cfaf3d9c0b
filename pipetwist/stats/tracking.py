"""Which connections are counted, and on which counters."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from pipetwist.interfaces import ICounter, ICounterStore, ITracker
from pipetwist.stats.names import Direction, Entity, traffic_name

__all__ = ["Tracked", "Tracker"]


@implementer(ITracker)
class Tracker:
    """Adds one connection's bytes to each counter that it belongs to.

    Args:
        uplink: the counters of what is read from the client.
        downlink: the counters of what is written to the client.
    """

    __slots__ = ("_downlink", "_uplink")

    def __init__(self, uplink: Iterable[ICounter], downlink: Iterable[ICounter]) -> None:
        self._uplink = tuple(uplink)
        self._downlink = tuple(downlink)

    def uplink(self, count: int) -> None:
        """See `ITracker`."""
        for counter in self._uplink:
            counter.add(count)

    def downlink(self, count: int) -> None:
        """See `ITracker`."""
        for counter in self._downlink:
            counter.add(count)


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
        self._names: dict[Entity, frozenset[str]] = {
            "inbound": frozenset(inbounds),
            "outbound": frozenset(outbounds),
            "user": frozenset(users),
        }

    def tracks(self, entity: Entity, name: str | None) -> bool:
        """Whether this inbound, outbound or user is counted."""
        return name in self._names[entity]

    def tracker(self, inbound: str, outbound: str, user: str | None) -> Tracker | None:
        """A tracker for one connection, or None where nothing that it belongs to is counted."""
        parts: tuple[tuple[Entity, str | None], ...] = (("inbound", inbound), ("outbound", outbound), ("user", user))
        belongs = [(entity, name) for entity, name in parts if name is not None and self.tracks(entity, name)]
        if not belongs:
            return None

        def counters(direction: Direction) -> list[ICounter]:
            return [self.store.counter(traffic_name(entity, name, direction)) for entity, name in belongs]

        return Tracker(counters("uplink"), counters("downlink"))
