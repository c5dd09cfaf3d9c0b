"""Has a reactor count seconds evenly, whatever becomes of the clock on the wall, by which Twisted's
reactors go otherwise.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.base import DelayedCall

__all__ = ["use_monotonic_clock"]


def use_monotonic_clock(reactor: Any) -> None:
    """Have a reactor's ``seconds``, and with it all of its timers, go by the monotonic clock.

    It begins with the time of day, so that what is scheduled already comes when it should have
    come, and goes on from there. Programs that take a date from it have one that is off by as much
    as the clock on the wall is set later on.

    A reactor that has a clock of its own, as after a first call of this, keeps that.

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
        # It has taken the reactor's clock along, for when it is put off.
        if isinstance(call, DelayedCall):
            call.seconds = seconds
