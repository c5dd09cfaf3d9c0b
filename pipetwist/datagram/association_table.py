"""The associations of one inbound, over all of its sockets, and their limit."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from pipetwist.datagram.association import AssociationSide
from pipetwist.datagram.context import affordable_associations

__all__ = ["AssociationTable", "Bounds"]


class Bounds(Protocol):
    """The limit on all connections of an inbound: its gate."""

    @property
    def room(self) -> int:
        """How many more there is room for."""

    def tell(self, what: str) -> None:
        """Log that there is no room, and what happens to new sources."""


class AssociationTable:
    """The associations of one inbound, ordered by their last use, the oldest first.

    Args:
        maximum: how many may be open; fewer if this process may not open so many sockets.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.bounds: Bounds | None = None
        """Says how many more there is room for; None for no such limit."""
        self._affordable = maximum
        self._members: OrderedDict[AssociationSide, None] = OrderedDict()
        self.active = self._members.move_to_end
        """Called with an association when it is used."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._members)

    def __contains__(self, association: object) -> bool:
        return association in self._members

    def __repr__(self) -> str:
        return f"<AssociationTable {len(self)} of {self.maximum}>"

    def begin(self) -> None:
        """Find out how many this process can have, when it begins to listen."""
        self._affordable = affordable_associations()

    def make_room(self) -> bool:
        """Close the associations that were idle longest, until there is room for one more.

        Returns:
            Whether there is room. There may be none yet, since a command takes time to end.
        """
        maximum, said = self.maximum, f"max_associations ({self.maximum})"
        if self._affordable < maximum:
            maximum, said = (
                self._affordable,
                f"{self._affordable}, as many as the limit of file descriptors allows,",
            )
        while len(self._members) >= maximum:
            next(iter(self._members)).make_room(said)
        bounds = self.bounds
        if bounds is None or bounds.room:
            return True
        bounds.tell("takes the place of the oldest source, or is dropped")
        if self._members:
            next(iter(self._members)).make_room(
                f"{len(self._members)}, as many as the limit of file descriptors allows,"
            )
        return bool(bounds.room)

    def add(self, association: AssociationSide) -> None:
        """Add an association."""
        self._members[association] = None

    def discard(self, association: AssociationSide) -> None:
        """Remove an association, if it is there."""
        self._members.pop(association, None)
