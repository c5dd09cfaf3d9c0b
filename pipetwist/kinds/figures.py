"""What the metrics show of an inbound or an outbound beside its connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Figure"]


@dataclass(frozen=True)
class Figure:
    """A figure that an inbound or an outbound has.

    Attributes:
        name: its name among the metrics, without the ``_total`` that Prometheus puts behind a
            figure that only grows.
        description: what it says, for people.
        read: reads it from the inbound or the outbound, in the reactor's thread.
        grows: whether it only grows, from 0 at the start.
    """

    name: str
    description: str
    read: Callable[[Any], float]
    grows: bool = False
