"""A clock that no setting of the date moves, and that goes on while the machine sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["since_boot"]


def since_boot(otherwise: Callable[[], float]) -> Callable[[], float]:
    """What returns the seconds since the machine was started, those of its sleep too.

    ``CLOCK_MONOTONIC`` stands still meanwhile (clock_gettime(2)).

    Args:
        otherwise: is returned where the system has no such clock.
    """
    clock: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # Linux has it
    if clock is None:
        return otherwise
    try:
        time.clock_gettime(clock)
    except OSError:
        return otherwise
    return lambda: time.clock_gettime(clock)
