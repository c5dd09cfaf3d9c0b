"""Gives a reactor a monotonic clock. By default Twisted's reactors use the time of day, which may
be set.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.base import DelayedCall

__all__ = ["use_monotonic_clock"]


def use_monotonic_clock(reactor: Any) -> None:  # no interface has all of it
    """Make a reactor's ``seconds``, and with it all of its timers, use the monotonic clock.

    It starts at the time of day, so that calls that are already scheduled come when they should.
    Programs that take a date from it get a wrong one after the time of day was set.

    A reactor that has its own clock, as after a first call, keeps it.

    Args:
        reactor: one of Twisted's own.
    """
    if "seconds" in vars(reactor):
        return
    ahead: float = reactor.seconds() - time.monotonic()

    def seconds() -> float:
        return ahead + time.monotonic()

    reactor.seconds = seconds
    for call in reactor.getDelayedCalls():
        # A delayed call has its own reference to the reactor's clock, for when it is postponed.
        if isinstance(call, DelayedCall):
            call.seconds = seconds
