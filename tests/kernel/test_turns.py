"""Long steps, of which a turn of the reactor has few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kernel.turns import Turns


class _TurningClock(Clock):
    """Has what is to be called at once called a second later: a turn is a second."""

    def callLater(
        self,
        delay: float,
        callable: Callable[..., Any],  # noqa: A002 - Twisted's name
        *args: object,
        **kw: object,
    ) -> IDelayedCall:
        """See IReactorTime."""
        return super().callLater(max(delay, 1), callable, *args, **kw)


class _Work:
    """What has steps to take.

    Args:
        turns: says when.
        left: how many.
    """

    def __init__(self, turns: Turns, left: int) -> None:
        self.turns = turns
        self.left = left
        self.taken = 0

    def step(self) -> None:
        """Take one, where there still is one to take."""
        if self.left and self.turns.take():
            self.left -= 1
            self.taken += 1
            if self.left:
                self.turns.wait(self)


class TurnsTest(SynchronousTestCase):
    """Who takes a step when."""

    def setUp(self) -> None:
        """Begin with a turn in which nothing was done."""
        self.clock = _TurningClock()
        self.turns = Turns(self.clock)

    def test_few(self) -> None:
        """Two steps are taken at once, a third in the next turn, and nothing is left on the clock
        afterwards.
        """
        self.assertEqual([self.turns.take() for _ in range(3)], [True, True, False])
        work = _Work(self.turns, 1)
        self.turns.wait(work)
        self.assertEqual(repr(self.turns), "<Turns 1 waiting>")
        self.clock.advance(1)
        self.assertEqual(work.taken, 1)
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """Of many who wait two have a step in each turn, one after the other."""
        works = [_Work(self.turns, 2) for _ in range(5)]
        for work in works:
            work.step()
            if not work.taken:
                self.turns.wait(work)
        self.assertEqual([work.taken for work in works], [1, 1, 0, 0, 0])
        for taken in (4, 6, 8, 10, 10):
            self.clock.advance(1)
            self.assertEqual(sum(work.taken for work in works), taken)
        self.assertEqual([work.taken for work in works], [2] * 5)

    def test_over(self) -> None:
        """Who has nothing to do any more takes nobody's step."""
        while self.turns.take():
            pass
        over, last = [_Work(self.turns, 0) for _ in range(10)], _Work(self.turns, 1)
        for work in (*over, last):
            self.turns.wait(work)
        self.clock.advance(1)
        self.assertEqual(last.taken, 1)
