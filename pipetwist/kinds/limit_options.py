"""How much may pass, of an inbound, an outbound or a user."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, ClassVar, Literal

from pipetwist.values import Duration, Megabits, PositiveCount
from pipetwist.values.moments import MomentOrNone
from pipetwist.values.numbers import MonthDay, PerSecondNumber
from pipetwist.values.sizes import Amount
from pipetwist.values.taken_away import (
    CountOrNone,
    DurationOrNone,
    MegabitsOrNone,
    PerSecondOrNone,
)
from pipetwist.values.text_or import NullOr

__all__ = ["BURST_SECONDS", "LimitOptions", "QuotaOptions", "UserLimitOptions"]

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
class QuotaOptions:
    """How much may pass in each period, and what happens when that is used up."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    bytes: Amount
    """How much: a number of bytes, or one with its unit, such as ``"50GB"``; kB, MB, GB and TB are
    powers of 1000, KiB, MiB, GiB and TiB of 1024.
    """
    per: Literal["hour", "day", "week", "month"] | None = None
    """The period; a week begins on Monday. Without it the amount is for all time."""
    starts: MonthDay = 1
    """The day on which a month begins, from 1 to 28. 1 where absent."""
    count: Literal["up", "down", "both"] = "both"
    """What is counted: what comes from the user, what goes to it, or both. ``"both"`` where absent.
    """
    then: LimitOptions | None = None
    """The limits that hold as well when it is used up, until the next period. Without them
    connections end, and new ones are refused.
    """

    def __post_init__(self) -> None:
        """Refuse what would be ignored."""
        if self.starts != 1 and self.per != "month":
            message = f'starts: {self.starts} is a day of a month; write "per": "month" beside it'
            raise ValueError(message)


_Quotas = Annotated[tuple[QuotaOptions, ...], NullOr(None, tuple[QuotaOptions, ...])]


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
    quota: _Quotas | None = None
    """How much the user may have in a period, an entry for each; needs ``store`` among the
    ``stats``.
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
