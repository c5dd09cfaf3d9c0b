"""The one timer of all that is limited."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pipetwist.interfaces import Bearer
from pipetwist.limits.rate import Rate

__all__ = ["Pacer"]

# Turns, and bytes, before the reactor's descriptors have theirs: those without limits wait
# meanwhile.
_MAX_TURNS = 64
_MAX_BYTES = 1 << 22
# What is due within this time is done at once: a timer for each would cost more.
_TOGETHER_SECONDS = 0.001

_log = Logger()


def _number(entry: tuple[float, int, Rate]) -> int:
    return entry[1]


class Pacer:
    """Serves each rate at which somebody waits when enough has come together there.

    Args:
        clock: counts the time.
    """

    __slots__ = ("_bytes", "_call", "_clock", "_count", "_due", "_lent", "_serving", "now")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.now = clock.seconds
        """The time in seconds."""
        self._due: list[tuple[float, int, Rate]] = []
        self._lent: list[Rate] = []
        self._count = count()
        self._call: IDelayedCall | None = None
        self._serving = False
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<Pacer of {len(self._due)} rates>"

    def wake(self, rate: Rate) -> None:
        """Somebody waits at this rate."""
        if not rate.scheduled:
            self._schedule(rate, self.now() + rate.seconds_until_turn())
            if not self._serving:
                self._set_timer()

    def lend(self, rate: Rate, granted: int) -> None:
        """Give back what a rate has granted once the reactor has read what it may: until then
        nobody else has it.
        """
        rate.lend(granted)
        self._lent.append(rate)
        if not self._serving:
            self._set_timer()

    def waiting(self) -> list[Rate]:
        """The rates at which somebody waits."""
        return [rate for _, _, rate in self._due if rate.queue]

    def look_again(self) -> None:
        """Some rates are others now: whoever waits there may have to wait for less long."""
        now = self.now()
        # All with the same time: a list that is sorted is a heap.
        self._due = [(now, number, rate) for _, number, rate in sorted(self._due, key=_number)]
        self._set_timer()

    def rest(self) -> None:
        """Nobody waits: have no timer until somebody does."""
        self._return_lent()
        if self._call is not None:
            self._call.cancel()
            self._call = None
            for _, _, rate in self._due:
                rate.scheduled = False
            self._due = []

    def call(self, bearer: Bearer, granted: int) -> None:
        """Let a bearer move bytes. What goes wrong there ends that one."""
        self._bytes += granted
        try:
            bearer.turn(granted)
        except Exception:  # noqa: BLE001 - one connection's mistake is not the others'
            _log.failure("What a limit had held back could not be moved")
            try:
                bearer.failed()
            except Exception:  # noqa: BLE001 - all who wait would do so for ever
                _log.failure("What a limit had held back could not be closed either")

    def _schedule(self, rate: Rate, due: float) -> None:
        rate.scheduled = True
        heappush(self._due, (due, next(self._count), rate))

    def _return_lent(self) -> None:
        lent, self._lent = self._lent, []
        for rate in lent:
            rate.returned()

    def _set_timer(self, soonest: float = _TOGETHER_SECONDS) -> None:
        if self._lent:
            delay = soonest
        elif self._due:
            delay = max(self._due[0][0] - self.now(), soonest)
        else:
            return
        if self._call is None:
            self._call = self._clock.callLater(delay, self._serve)
        elif self._call.getTime() > self.now() + delay:
            self._call.reset(delay)

    def _serve(self) -> None:
        self._call = None
        self._serving = True
        self._return_lent()
        now = self.now()
        turns, self._bytes = 0, 0
        served: list[Rate] = []
        more = True
        while more and self._due and self._due[0][0] <= now + _TOGETHER_SECONDS:
            rate = heappop(self._due)[2]
            served.append(rate)
            while more and rate.serve(now):
                turns += 1
                more = turns < _MAX_TURNS and self._bytes < _MAX_BYTES
        for rate in served:
            rate.scheduled = False
            if rate.queue:
                self._schedule(rate, now + rate.seconds_until_turn())
        self._serving = False
        self._set_timer(_TOGETHER_SECONDS if more else 0)
