"""How often a state is polled that the system sends no event for: soon, because most changes come
soon, and then less and less often.
"""

from __future__ import annotations

__all__ = ["FIRST_POLL_SECONDS", "next_poll_seconds"]

FIRST_POLL_SECONDS = 0.005
"""The first interval."""
_MAX_POLL_SECONDS = 0.1


def next_poll_seconds(seconds: float) -> float:
    """The interval after one of this length: twice as long, up to a maximum."""
    return min(seconds * 2, _MAX_POLL_SECONDS)
