"""How many connections each inbound, outbound and user has, and how many came to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.interfaces import IConnectionObserver, IConnectionRecord
from pipetwist.page.document import PIECE, Steps, encoded
from pipetwist.page.largest import largest
from pipetwist.page.sampling import MAX_NAMES
from pipetwist.stats.names import ENTITIES, Entity

__all__ = ["UNTROUBLED", "NameTallies", "Tally"]

UNTROUBLED = (Cause.STOPPED, Cause.CLOSED)
"""Causes that somebody wanted: nothing went wrong."""


class Tally:
    """The connections of one name.

    Attributes:
        open: how many are open.
        failed: how many have failed, of those that are over.
        refused: how many clients were refused; of an inbound by whatever refused them, of the
            others by their limits.
    """

    __slots__ = ("failed", "open", "refused")

    def __init__(self) -> None:
        self.open = 0
        self.failed = 0
        self.refused = 0

    def __repr__(self) -> str:
        return f"<Tally {self.open} open, {self.failed} failed, {self.refused} refused>"


@implementer(IConnectionObserver)
class NameTallies:
    """Observes connections, and counts them for each name.

    Args:
        refused: how many connections the limits of each outbound and each user have refused.
    """

    def __init__(self, refused: Callable[[], Mapping[tuple[Entity, str], int]]) -> None:
        self._refused = refused
        self._tallies: dict[Entity, dict[str, Tally]] = {entity: {} for entity in ENTITIES}

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(names)} {entity}s" for entity, names in self._tallies.items())
        return f"<NameTallies of {sizes}>"

    def opened(self, connection: IConnectionRecord) -> None:
        for tally in self._of(connection):
            tally.open += 1

    def closed(self, connection: IConnectionRecord, seconds: float) -> None:
        failed = connection.cause is not None and connection.cause not in UNTROUBLED
        for tally in self._of(connection):
            tally.open -= 1
            tally.failed += failed

    def rejected(self, inbound: str, cause: Cause) -> None:
        tally = self._tally("inbound", inbound)
        if cause is Cause.REFUSED:
            tally.refused += 1
        else:
            tally.failed += 1

    def document(self) -> Steps:
        """All of it, as the JSON object that ``docs/page.md`` describes: at most `MAX_NAMES` of
        each kind, those with the most connections.
        """
        for (entity, name), count in self._refused().items():
            self._tally(entity, name).refused = count
        entities = []
        for entity, tallies in self._tallies.items():
            names = list(tallies)
            if len(names) > MAX_NAMES:
                names = yield from largest(names, MAX_NAMES, partial(_weight, tallies))
            pieces = []
            for start in range(0, len(names), PIECE):
                pieces.append(_written(tallies, names[start : start + PIECE]))
                yield
            entities.append(b'"%b":{%b}' % (entity.encode("ascii"), b",".join(pieces)))
        return b"{%b}" % b",".join(entities)

    def _of(self, connection: IConnectionRecord) -> list[Tally]:
        info = connection.client_info
        tallies = [
            self._tally("inbound", info.inbound),
            self._tally("outbound", connection.outbound),
        ]
        if info.user is not None:
            tallies.append(self._tally("user", info.user))
        return tallies

    def _tally(self, entity: Entity, name: str) -> Tally:
        tallies = self._tallies[entity]
        tally = tallies.get(name)
        if tally is None:
            tally = tallies[name] = Tally()
        return tally


def _written(tallies: Mapping[str, Tally], names: Iterable[str]) -> bytes:
    told = {}
    for name in names:
        tally = tallies[name]
        told[name] = {"open": tally.open, "failed": tally.failed, "refused": tally.refused}
    return encoded(told)[1:-1]


def _weight(tallies: Mapping[str, Tally], name: str) -> tuple[int, int]:
    tally = tallies[name]
    return tally.open, tally.failed + tally.refused
