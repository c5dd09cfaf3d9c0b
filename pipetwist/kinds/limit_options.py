"""How much may pass, of an inbound, an outbound or a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pipetwist.values import Duration, Megabits

__all__ = ["LimitOptions"]


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """How much all connections together may have that belong to it."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    up_mbps: Megabits | None = None
    """Megabits a second that may come from clients; without it any number."""
    down_mbps: Megabits | None = None
    """Megabits a second that may go to clients; without it any number."""
    burst: Duration = 0.05
    """How much may pass at once after a pause, as the time that it would take at that rate, and at
    least 64 KiB. ``"50ms"`` where absent.
    """
