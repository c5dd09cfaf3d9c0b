"""Limits how fast clients are read: as fast as gRPC reads, and only so fast that checking their
frames leaves time for the rest of the reactor.

A frame may consist of its header only, and a request is cheap to send and to cancel. A client that
sends such frames at full speed would occupy the reactor and gRPC's threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from pipetwist.interfaces import AnyTransport

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["RateLimit", "RateLimitedReading"]

# All clients that are held back together may send 50,000 frames, or begin about 4,000 requests, a
# second. Checking a frame takes 0.6 us.
_FRAME_SECONDS = 20e-6
_CARRY_SECONDS = 5e-3  # a client that is new; 200 a second
_REQUEST_SECONDS = 200e-6
# A client that was quiet may use this much at once.
_BURST_SECONDS = 0.1
# A new client may use less, or connecting again and again would be faster.
_FIRST_BURST_SECONDS = 0.01
_MAX_PAUSE = 5.0


class RateLimit:
    """The rate limit that the clients of one frontend share.

    Args:
        clock: counts the time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.held_back = 0
        """Clients that are not read at the moment, because they send too fast."""
        self._carried_at = float("-inf")

    def __repr__(self) -> str:
        return f"<RateLimit: {self.held_back} held back>"

    def seconds_to_carry(self) -> float:
        """How long a new client has to wait before it is connected to gRPC: otherwise clients that
        connect again and again would take the others' time.
        """
        now = self.clock.seconds()
        self._carried_at = max(self._carried_at, now - _BURST_SECONDS) + _CARRY_SECONDS
        return max(0.0, self._carried_at - now)


@implementer(IPushProducer)
class RateLimitedReading:
    """The producer that reads one client.

    Args:
        rate_limit: the limit that it shares with others.
        transport: the client's.
    """

    def __init__(self, rate_limit: RateLimit, transport: AnyTransport) -> None:
        self._rate_limit = rate_limit
        self._transport = transport
        self._is_paused = False
        # When everything that it has sent is within the limit.
        self._free_at = rate_limit.clock.seconds() - _FIRST_BURST_SECONDS
        self._call: IDelayedCall | None = None

    def __repr__(self) -> str:
        return (
            "<RateLimitedReading: "
            f"{'held back' if self._call else 'paused' if self._is_paused else 'read'}>"
        )

    def pauseProducing(self) -> None:
        self._is_paused = True
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        self._is_paused = False
        if self._call is None:
            self._transport.resumeProducing()

    def stopProducing(self) -> None:
        self._transport.stopProducing()

    def spend(self, frames: int, requests: int) -> None:
        """Count what it has sent. If that is too fast it is not read for a while.

        Args:
            frames: frames of any kind.
            requests: those of them that begin a request.
        """
        rate_limit = self._rate_limit
        now = rate_limit.clock.seconds()
        took = (frames * _FRAME_SECONDS + requests * _REQUEST_SECONDS) * (rate_limit.held_back + 1)
        self._free_at = max(self._free_at, now - _BURST_SECONDS) + took
        if self._free_at > now and self._call is None:
            rate_limit.held_back += 1
            self._call = rate_limit.clock.callLater(
                min(self._free_at - now, _MAX_PAUSE), self._go_on
            )
            self._transport.pauseProducing()

    def stop(self) -> None:
        """The client was lost."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
            self._rate_limit.held_back -= 1

    def _go_on(self) -> None:
        self._call = None
        self._rate_limit.held_back -= 1
        if not self._is_paused:
            self._transport.resumeProducing()
