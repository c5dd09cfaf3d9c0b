"""How much may pass, of an inbound, an outbound or a user."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from pipetwist.values import Duration, Megabits, PositiveCount
from pipetwist.values.moments import MomentOrNone
from pipetwist.values.numbers import PerSecondNumber
from pipetwist.values.taken_away import (
    CountOrNone,
    DurationOrNone,
    MegabitsOrNone,
    PerSecondOrNone,
)

__all__ = ["BURST_SECONDS", "LimitOptions", "UserLimitOptions"]

BURST_SECONDS = 0.05
"""How much may pass at once where nothing else is said, as time."""


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """How much all connections of an inbound or an outbound may have together, and how many there
    may be.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    up_mbps: Megabits | None = None
    """Megabits a second that may come from clients; without it any number."""
    down_mbps: Megabits | None = None
    """Megabits a second that may go to clients; without it any number."""
    burst: Duration = BURST_SECONDS
    """How much may pass at once after a pause, as the time that it would take at that rate, and at
    least 64 KiB. ``"50ms"`` where absent.
    """
    max_connections: PositiveCount | None = None
    """How many may be open; without it any number."""
    connections_per_second: PerSecondNumber | None = None
    """How many may begin in a second; without it any number."""


@dataclass(frozen=True, kw_only=True)
class UserLimitOptions:
    """How much all connections of a user may have together, wherever they come in.

    A key that is absent is that of ``default_limits``; one that is null is taken away.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    up_mbps: MegabitsOrNone = None
    """Megabits a second that may come from the user."""
    down_mbps: MegabitsOrNone = None
    """Megabits a second that may go to the user."""
    burst: DurationOrNone = None
    """How much may pass at once after a pause, as the time that it would take at that rate, and at
    least 64 KiB. ``"50ms"`` where it is nowhere.
    """
    max_connections: CountOrNone = None
    """How many may be open, associations too."""
    max_sources: CountOrNone = None
    """From how many addresses at once: one of IPv4, a /64 of IPv6, or a uid at a unix socket."""
    connections_per_second: PerSecondOrNone = None
    """How many may begin in a second."""
    expires: MomentOrNone = None
    """When all of them end: a date, which is its first moment in ``timezone``, or a time of RFC
    3339.
    """

    def merged(self, default: UserLimitOptions) -> UserLimitOptions:
        """These, with what they do not say as here.

        Args:
            default: what holds for each user.
        """
        names = [key.name for key in fields(self)]
        own = {name: getattr(self, name) for name in names}
        return UserLimitOptions(
            **{name: getattr(default, name) if own[name] is None else own[name] for name in names}
        )
