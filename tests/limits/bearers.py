"""Those who move bytes as far as their flows say, without a socket."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

from twisted.internet.task import Clock

from pipetwist.limits.flow import Flow
from pipetwist.limits.pacer import Pacer
from pipetwist.limits.rate import Rate

__all__ = ["FakeBearer", "Passed", "World"]


class FakeBearer:
    """Moves all that it has to move as soon as it may, as a reader in the kernel does.

    Args:
        flow: what it asks.
        moved: is called with each number of bytes.
        most: it moves no more at once; None for any number.
    """

    def __init__(
        self, flow: Flow, moved: Callable[[int], object] = lambda _: None, most: int | None = None
    ) -> None:
        self.flow = flow
        flow.bearer = self
        self.left = 0
        self.total = 0
        self.gone = False
        self._moved = moved
        self._most = most

    def want(self, count: int) -> None:
        """There is so much more to move."""
        self.left += count
        self.read()

    def read(self) -> None:
        """Move as much as may be."""
        while self.left and not self.flow.waits and not self.gone:
            granted = self.flow.take()
            if granted:
                self.move(granted)

    def turn(self, granted: int) -> None:
        """See `Bearer`."""
        self.move(granted)
        if self.left and not self.gone:
            self.flow.wait()

    def move(self, granted: int) -> None:
        """Move up to so much."""
        count = min(granted, self.left, self._most or granted)
        self.left -= count
        self.total += count
        self.flow.settle(granted, count)
        self._moved(count)

    def failed(self) -> None:
        """See `Bearer`."""
        self.gone = True


class Passed:
    """When how many bytes have passed.

    Args:
        since: from when on.
    """

    def __init__(self, since: float) -> None:
        self._since = since
        self._until = since
        self._passed: list[tuple[float, int]] = []

    def __len__(self) -> int:
        """How often something has passed."""
        return len(self._passed)

    def note(self, at: float, count: int) -> None:
        """So much has passed at this time."""
        self._until = at
        self._passed.append((at, count))

    def windows(self, seconds: float, since: float = 0.0) -> list[int]:
        """How much has passed in each time of this length, from a moment on: of those that begin
        at a hundredth of it.
        """
        since = max(since, self._since)
        step = seconds / 100
        parts = [0] * int((self._until - since) / step)
        for at, count in self._passed:
            if since <= at < since + len(parts) * step:
                parts[min(int((at - since) / step), len(parts) - 1)] += count
        sums = list(accumulate(parts, initial=0))
        return [after - before for before, after in zip(sums, sums[100:], strict=False)]


class World:
    """A clock, a pacer, and when how many bytes have passed."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.pacer = Pacer(self.clock)
        self.passed = Passed(0)

    def rate(self, per_second: float, burst: float = 0.0, name: str = "one") -> Rate:
        """A rate; a burst of 0 is the least that there is."""
        return Rate(name, per_second, burst, self.clock.seconds())

    def bearer(self, *rates: Rate, most: int | None = None) -> FakeBearer:
        """One that is under these rates."""
        return FakeBearer(Flow(self.pacer, rates), self.note, most)

    def note(self, count: int) -> None:
        """So much has passed now."""
        self.passed.note(self.clock.seconds(), count)

    def run(self, seconds: float, step: float = 0.001) -> None:
        """Let so much time pass."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
