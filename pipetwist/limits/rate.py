"""How many bytes a second may pass one way of an inbound, an outbound or a user: a token bucket,
and the queue of those who wait until there is something in it.

Nothing here does I/O or asks for the time: each call is told it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["MIN_BURST_BYTES", "MOST_AT_ONCE", "Rate", "Waiting"]

MIN_BURST_BYTES = 1 << 16
"""So much may pass after a pause at any rate."""
MOST_AT_ONCE = 1 << 20
"""One that is alone gets no more in a turn, since all others of the daemon wait meanwhile."""
# Of several that want as much none gets more than half of what it may be ahead by, which is 64 KiB.
_MOST_OF_SEVERAL = 1 << 15
# Whoever waits gets at least as much as comes together in this time: less would be many steps.
_STEP_SECONDS = 0.01
# And at least so much, which at the lowest rate takes a quarter of a second.
_MIN_STEP_BYTES = 1 << 11
# If somebody waits, what comes together is not lost for so long: the reactor may be late.
_LATENESS_SECONDS = 0.25


class Waiting(Protocol):
    """One who takes bytes out, and waits for more."""

    owes: int
    """Bytes by which it has moved more than its share."""

    @property
    def most(self) -> int:
        """It can use no more than so many bytes."""

    def served(self, taken: int, now: float) -> None:
        """Its turn has come: so much was taken for it."""


class Rate:
    """A token bucket, and a queue by deficit round robin (Shreedhar and Varghese, 1995).

    Args:
        whose: whose rate it is; its text is for people. There are many rates, and it is seldom that
            somebody reads one of their names.
        per_second: bytes a second.
        burst: bytes that may pass at once after a pause.
        now: the time in seconds; the bucket is full.
        reached: is called, with ``whose``, whenever somebody begins to wait and nobody has.
    """

    __slots__ = (
        "_at",
        "_balance",
        "_began",
        "_burst",
        "_held_seconds",
        "_latest",
        "_lent",
        "_per_second",
        "_reached",
        "_share",
        "_step",
        "_whose",
        "queue",
        "scheduled",
    )

    def __init__(
        self,
        whose: object,
        per_second: float,
        burst: float,
        now: float,
        reached: Callable[[Any], object] = lambda _: None,  # Any: what `whose` is
    ) -> None:
        self._whose = whose
        self._reached = reached
        self.queue: OrderedDict[Waiting, None] | None = None
        """Those who wait, the next one first; None if nobody does."""
        self.scheduled = False
        """Whether the pacer has it in its list."""
        self._latest = 0
        self._lent = 0
        self._began = 0.0
        self._held_seconds = 0.0
        self._at = now
        self._set(per_second, burst)
        self._balance = self._burst

    def __repr__(self) -> str:
        return (
            f"<Rate {self.name}: {self._per_second:g} B/s, {self._balance:.0f} left, "
            f"{len(self.queue or ())} waiting>"
        )

    @property
    def name(self) -> str:
        """Whose rate it is, for people."""
        return str(self._whose)

    def change(self, per_second: float, burst: float, now: float) -> None:
        """From now on it is another rate. What was used stays used.

        Args:
            per_second: see `Rate`.
            burst: see `Rate`.
            now: the time.
        """
        self.fill(now)
        self._set(per_second, burst)
        self._balance = min(self._balance, self._burst)

    def _set(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = max(burst, float(MIN_BURST_BYTES))
        self._step = min(max(per_second * _STEP_SECONDS, _MIN_STEP_BYTES), self._burst)
        self._share = min(self._step, _MOST_OF_SEVERAL)

    def fill(self, now: float) -> float:
        """Put in what has come together since the last time.

        Returns:
            How many bytes may pass; below 0 if more has passed than might.
        """
        if now > self._at:
            most = self._burst
            if self.queue:
                most = max(most, self._per_second * _LATENESS_SECONDS)
            self._balance = min(most, self._balance + (now - self._at) * self._per_second)
            self._at = now
        return self._balance

    def take(self, flow: Waiting, most: int, now: float) -> int:
        """Take bytes out.

        Args:
            flow: who takes them.
            most: it can use no more.
            now: the time.

        Returns:
            How many; 0 if there are too few, or others have waited longer: then it has to wait.
        """
        if self.queue or self.fill(now) < self._share:
            return 0
        # Whoever was the last one as well has nobody beside it who wants as much.
        at_once = MOST_AT_ONCE if self._latest == id(flow) else _MOST_OF_SEVERAL
        self._latest = id(flow)
        taken = min(int(self._balance), most, at_once)
        self._balance -= taken
        return taken

    def allow(self, came: int) -> int:
        """Take out what has come already, all of it: those who want to read wait for longer."""
        self._balance -= came
        return came

    def give_back(self, count: int) -> None:
        """So many of those that were taken did not pass; below 0, so many more have passed."""
        self._balance += count

    def lend(self, count: int) -> None:
        """So many of those that were taken may not pass, which is known a moment later: `returned`
        follows.
        """
        self._lent += count

    def returned(self) -> None:
        """Give back what was lent: what has passed of it meanwhile was taken once more."""
        self._balance += self._lent
        self._lent = 0

    def join(self, flow: Waiting, now: float) -> None:
        """Let this one wait behind those who wait already."""
        if self.queue is None:
            self.queue = OrderedDict()
            self._began = now
            self._reached(self._whose)
        self.queue[flow] = None

    def leave(self, flow: Waiting, now: float) -> None:
        """Let it wait no more."""
        if self.queue is not None and flow in self.queue:
            del self.queue[flow]
            self._emptied(now)

    def serve(self, now: float) -> bool:
        """Give the one who has waited longest its share, if there is one and enough for it.

        Returns:
            Whether somebody had a turn.
        """
        queue = self.queue
        if queue is None or self.fill(now) < self._share:
            return False
        flow, _ = queue.popitem(last=False)
        alone = not queue
        self._emptied(now)
        self._latest = id(flow)
        if alone:
            flow.owes = 0
            share = min(int(self._balance), MOST_AT_ONCE)
        else:
            share = int(self._share)
            # It may have had more than its share in an earlier turn.
            paid = min(flow.owes, share)
            flow.owes -= paid
            share -= paid
            if not share:
                self.join(flow, now)
                return True
        taken = min(share, flow.most)
        self._balance -= taken
        flow.served(taken, now)
        return True

    def _emptied(self, now: float) -> None:
        if self.queue is not None and not self.queue:
            self.queue = None
            self._held_seconds += now - self._began

    def seconds_until_turn(self) -> float:
        """How long it takes until enough has come together for those who wait."""
        return max(0.0, (self._step - self._balance - self._lent) / self._per_second)

    def held_seconds(self, now: float) -> float:
        """For how many seconds in all somebody has waited here."""
        return self._held_seconds + (now - self._began if self.queue else 0.0)
