"""What the metrics show of an inbound or an outbound besides its connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Figure"]


@dataclass(frozen=True)
class Figure:
    """A number that the metrics show of an inbound or an outbound.

    Attributes:
        name: the metric's name, without the ``_total`` that Prometheus's counters end with.
        description: the metric's description.
        read: reads it from the inbound or the outbound, in the reactor's thread.
        grows: whether it only grows, from 0 at the start.
    """

    name: str
    description: str
    read: Callable[[Any], float]  # of an inbound or outbound of its kind alone
    grows: bool = False
