"""`pipetwist.monotonic`: a reactor of Twisted's, and a clock on the wall that is set."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.monotonic import use_monotonic_clock


class _Reactor(ReactorBase):
    """A reactor that waits for nothing."""

    def installWaker(self) -> None:
        """Nobody wakes it."""

    def removeAll(self) -> list[Any]:
        """It reads and writes nothing."""
        return []

    def seconds(self) -> float:
        """The clock on the wall."""
        return _Wall.now


class _Wall:
    now = 0.0


class CountEvenlyTest(SynchronousTestCase):
    """Timers."""

    def setUp(self) -> None:
        """Have a reactor, and both clocks."""
        _Wall.now = 1_767_967_380.0
        self.passed = 500.0
        self.patch(time, "monotonic", lambda: self.passed)
        self.reactor: Any = _Reactor()
        self.calls: list[str] = []

    def advance(self, seconds: float, *, set_by: float = 0.0) -> None:
        """Let seconds pass, and somebody set the clock on the wall; then run what is due."""
        self.passed += seconds
        _Wall.now += seconds + set_by
        self.reactor.runUntilCurrent()

    def test_set(self) -> None:
        """A timer comes when its seconds have passed, whether the wall clock is put back or forward
        meanwhile.
        """
        use_monotonic_clock(self.reactor)
        for set_by in (-3600.0, 3600.0):
            self.reactor.callLater(10, self.calls.append, "came")
            self.advance(9, set_by=set_by)
            self.assertEqual(self.calls, [])
            self.advance(1)
            self.assertEqual(self.calls.pop(), "came")

    def test_scheduled_before(self) -> None:
        """What was scheduled before comes in its time too, be it put off, called off or left as it
        is.
        """
        left, gone, moved = (
            self.reactor.callLater(10, self.calls.append, name)
            for name in ("left", "gone", "moved")
        )
        self.advance(4)
        gone.cancel()
        use_monotonic_clock(self.reactor)
        self.advance(1, set_by=-3600.0)
        moved.reset(10)
        self.advance(4)
        self.assertEqual((self.calls, left.active()), ([], True))
        self.advance(1)
        self.assertEqual(self.calls, ["left"])
        self.advance(5)
        self.assertEqual(self.calls, ["left", "moved"])

    def test_dates(self) -> None:
        """It begins with the time of day, for those who take dates from a reactor."""
        use_monotonic_clock(self.reactor)
        self.assertEqual(self.reactor.seconds(), 1_767_967_380.0)

    def test_again(self) -> None:
        """A reactor that has been given a clock keeps it."""
        use_monotonic_clock(self.reactor)
        given = self.reactor.seconds
        use_monotonic_clock(self.reactor)
        self.assertIs(self.reactor.seconds, given)
