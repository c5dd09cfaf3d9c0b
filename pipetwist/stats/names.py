"""The names of counters, as V2Ray made them: four parts joined with ``>>>``."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["DIRECTIONS", "ENTITIES", "Direction", "Entity", "traffic_entity", "traffic_name"]

Entity = Literal["inbound", "outbound", "user"]
Direction = Literal["uplink", "downlink"]
ENTITIES: tuple[Entity, ...] = ("inbound", "outbound", "user")
DIRECTIONS: tuple[Direction, Direction] = ("uplink", "downlink")


def traffic_name(entity: Entity, name: str, direction: Direction) -> str:
    """The name of a traffic counter, for instance ``user>>>alice>>>traffic>>>uplink``."""
    return f"{entity}>>>{name}>>>traffic>>>{direction}"


def traffic_entity(counter: str) -> tuple[Entity, str, Direction] | None:
    """What a traffic counter of that name counts, or None where it is the name of something else."""
    parts: list[Any] = counter.split(">>>")
    if len(parts) != 4 or parts[0] not in ENTITIES or parts[2] != "traffic" or parts[3] not in DIRECTIONS:
        return None
    return parts[0], parts[1], parts[3]
