"""How fast a client is read: as gRPC takes it, and no faster than what it sends may be looked at
beside all else that the reactor does.

A frame may have no bytes but its header's, and a request is cheap to send and to take back: who
sends such as fast as it can would have the reactor, and gRPC's threads, do little else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from pipetwist.interfaces import AnyTransport

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["RateLimit", "RateLimitedReading"]

# All clients that are held back together may send 50,000 frames a second, or begin some 4,000
# requests. A frame is looked at in 0.6 us.
_FRAME_SECONDS = 20e-6
_CARRY_SECONDS = 5e-3  # a client that is new; 200 a second
_REQUEST_SECONDS = 200e-6
# So much of that a client has at once, when it has been quiet.
_BURST_SECONDS = 0.1
# One that has just come has less, or coming again and again would be the quicker way.
_FIRST_BURST_SECONDS = 0.01
_MAX_PAUSE = 5.0


class RateLimit:
    """What the clients of one frontend share.

    Args:
        clock: counts the time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.held_back = 0
        """Clients that are not read at the moment, since they send too fast."""
        self._carried_at = float("-inf")

    def __repr__(self) -> str:
        return f"<RateLimit: {self.held_back} held back>"

    def seconds_to_carry(self) -> float:
        """How long the client that wants to be carried to gRPC now is to wait: who comes again and
        again has the others' time otherwise.
        """
        now = self.clock.seconds()
        self._carried_at = max(self._carried_at, now - _BURST_SECONDS) + _CARRY_SECONDS
        return max(0.0, self._carried_at - now)


@implementer(IPushProducer)
class RateLimitedReading:
    """The reading of one client, for whom its bytes go to.

    Args:
        rate_limit: what it shares with others.
        transport: the client's.
    """

    def __init__(self, rate_limit: RateLimit, transport: AnyTransport) -> None:
        self._rate_limit = rate_limit
        self._transport = transport
        self._is_paused = False
        # When all that it has sent has had its time.
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
        """It has sent so many. Where that is too fast it is not read for a while.

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
        """The client has gone."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
            self._rate_limit.held_back -= 1

    def _go_on(self) -> None:
        self._call = None
        self._rate_limit.held_back -= 1
        if not self._is_paused:
            self._transport.resumeProducing()
