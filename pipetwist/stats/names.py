"""What is counted, and the names of counters, as V2Ray made them: four parts joined with ``>>>``.

An entity is what is counted: an inbound, an outbound or a user. Another one, say a user together
with an inbound, needs one entry here and its list in `pipetwist.api.options.StatsOptions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple, TypedDict

__all__ = [
    "DIRECTIONS",
    "ENTITIES",
    "Direction",
    "Entity",
    "Every",
    "Listed",
    "Listing",
    "traffic_entity",
    "traffic_name",
]

Entity = Literal["inbound", "outbound", "user"]
Direction = Literal["uplink", "downlink"]
DIRECTIONS: tuple[Direction, Direction] = ("uplink", "downlink")


class Every:
    """All names of an entity, in the place of a list of them; those that are not known yet too."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return name is not None

    def __iter__(self) -> Iterator[str]:
        """The names that are known."""
        raise NotImplementedError


class Listed(TypedDict, total=False):
    """The names of each entity that are counted."""

    inbounds: Iterable[str]
    outbounds: Iterable[str]
    users: Iterable[str]


class Listing(NamedTuple):
    """How an entity is counted.

    Attributes:
        key: where its names are listed, in `Listed` and in the configuration.
        name: returns the name that a connection belongs to, from its inbound, outbound and user;
            None for none.
    """

    key: Literal["inbounds", "outbounds", "users"]
    name: Callable[[str, str, str | None], str | None]


ENTITIES: dict[Entity, Listing] = {
    "inbound": Listing("inbounds", lambda inbound, _outbound, _user: inbound),
    "outbound": Listing("outbounds", lambda _inbound, outbound, _user: outbound),
    "user": Listing("users", lambda _inbound, _outbound, user: user),
}


def traffic_name(entity: Entity, name: str, direction: Direction) -> str:
    """The name of a traffic counter, for instance ``user>>>alice>>>traffic>>>uplink``."""
    return f"{entity}>>>{name}>>>traffic>>>{direction}"


def traffic_entity(counter: str) -> tuple[Entity, str, Direction] | None:
    """The entity and name of the traffic counter with this name, or None if it is not a traffic
    counter.
    """
    parts: list[Any] = counter.split(">>>")  # Any: "in" does not narrow to a Literal
    if (
        len(parts) != 4
        or parts[0] not in ENTITIES
        or parts[2] != "traffic"
        or parts[3] not in DIRECTIONS
    ):
        return None
    return parts[0], parts[1], parts[3]
