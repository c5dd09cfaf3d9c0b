"""The lower of two limits."""

from __future__ import annotations

from math import inf
from typing import Any

from pipetwist.kinds.limit_options import BURST_SECONDS, LimitOptions, UserLimitOptions

__all__ = ["burst_of", "lower"]

_KEYS = ("up_mbps", "down_mbps", "max_connections", "connections_per_second")


def burst_of(options: LimitOptions | UserLimitOptions) -> float:
    """How much may pass at once, in seconds at the rate."""
    return BURST_SECONDS if options.burst in (None, inf) else options.burst


def lower(
    options: LimitOptions | UserLimitOptions | None, other: LimitOptions
) -> LimitOptions | UserLimitOptions:
    """The lower figures of two limits; what is a user's alone is left out.

    Args:
        options: the first; None if there is none.
        other: the second.
    """
    if options is None:
        return other
    figures: dict[str, Any] = {  # Any: whole numbers and others
        key: min(
            (found for one in (options, other) if (found := getattr(one, key)) is not None),
            default=None,
        )
        for key in _KEYS
    }
    return LimitOptions(**figures, burst=min(burst_of(options), other.burst))
