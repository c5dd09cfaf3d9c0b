"""The names of counters, as V2Ray made them: four parts joined with ``>>>``."""

from __future__ import annotations

from typing import Literal

__all__ = ["DIRECTIONS", "Direction", "Entity", "traffic_name"]

Entity = Literal["inbound", "outbound", "user"]
Direction = Literal["uplink", "downlink"]
DIRECTIONS: tuple[Direction, Direction] = ("uplink", "downlink")


def traffic_name(entity: Entity, name: str, direction: Direction) -> str:
    """The name of a traffic counter, for instance ``user>>>alice>>>traffic>>>uplink``."""
    return f"{entity}>>>{name}>>>traffic>>>{direction}"
