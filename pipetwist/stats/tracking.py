"""Which connections are counted, and by which counters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zope.interface import implementer

from pipetwist.interfaces import CounterLike, CounterStoreLike, ITracker
from pipetwist.stats.adding import Add, adder
from pipetwist.stats.names import ENTITIES, Direction, Entity, Every, Listed, traffic_name

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Tracked", "Tracker"]

# How many old trackers are freed when a new one is made.
_FREED_AT_ONCE = 4


@implementer(ITracker)
class Tracker:
    """Adds the bytes of connections to all of their counters.

    Args:
        uplink: the counters of what is read from the client.
        downlink: the counters of what is written to the client.
    """

    __slots__ = ("downlink", "uplink")

    def __init__(self, uplink: Iterable[CounterLike], downlink: Iterable[CounterLike]) -> None:
        self.uplink: Add = adder(list(uplink))
        """See `ITracker`."""
        self.downlink: Add = adder(list(downlink))
        """See `ITracker`."""


class Tracked:
    """The tags and users that are counted. They never change; `counting` makes another object.

    As in sing-box, a connection adds the same figures to its inbound, its outbound and its user, if
    they are listed. The counters of both directions appear, at 0, with their first connection.

    Args:
        store: keeps the counters.
        **listed: the tags and names to count: ``inbounds``, ``outbounds``, ``users``.
    """

    def __init__(self, store: CounterStoreLike, **listed: Unpack[Listed]) -> None:
        self.store = store
        self._names: dict[Entity, frozenset[str] | Every] = {}
        for entity, listing in ENTITIES.items():
            names = listed.get(listing.key, ())
            self._names[entity] = names if isinstance(names, Every) else frozenset(names)
        self._trackers: dict[tuple[str, str, str | None], Tracker | None] = {}
        self._stale: list[dict[tuple[str, str, str | None], Tracker | None]] = []

    def counting(self, **listed: Unpack[Listed]) -> Tracked:
        """Make a replacement that counts these and no others. Connections that have a tracker keep
        it, and counters do not change.
        """
        following = Tracked(self.store, **listed)
        # There may be many trackers, and freeing them all at once would delay every connection.
        following._stale = [trackers for trackers in (*self._stale, self._trackers) if trackers]
        return following

    def names(self) -> list[tuple[Entity, str]]:
        """Every inbound, outbound and user that is counted."""
        return [(entity, name) for entity, names in self._names.items() for name in sorted(names)]

    def tracks(self, entity: Entity, name: str | None) -> bool:
        """Whether this inbound, outbound or user is counted."""
        return name in self._names[entity]

    def tracker(self, inbound: str, outbound: str, user: str | None) -> Tracker | None:
        """The tracker of a connection, or None if nothing of it is counted.

        Connections with the same inbound, outbound and user share one.
        """
        key = (inbound, outbound, user)
        try:
            return self._trackers[key]
        except KeyError:
            self._free_stale()
            found = self._trackers[key] = self._make_tracker(inbound, outbound, user)
            return found

    def _free_stale(self) -> None:
        for _ in range(_FREED_AT_ONCE):
            if not self._stale:
                return
            self._stale[-1].popitem()
            if not self._stale[-1]:
                self._stale.pop()

    def _make_tracker(self, inbound: str, outbound: str, user: str | None) -> Tracker | None:
        parts = [
            (entity, listing.name(inbound, outbound, user)) for entity, listing in ENTITIES.items()
        ]
        belongs = [
            (entity, name)
            for entity, name in parts
            if name is not None and self.tracks(entity, name)
        ]
        if not belongs:
            return None

        def counters(direction: Direction) -> list[CounterLike]:
            return [
                self.store.counter(traffic_name(entity, name, direction))
                for entity, name in belongs
            ]

        return Tracker(counters("uplink"), counters("downlink"))
