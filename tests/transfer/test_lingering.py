"""Sides that wait for their peers, all for the same time."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.transfer.lingering import LINGER_SECONDS, Lingering


class _Side:
    """Notes that its time is up, and has something done then."""

    def __init__(self, lingering: Lingering) -> None:
        self.told = 0
        self.lingering = lingering
        self.joins: _Side | None = None
        self.ends: _Side | None = None

    def lingered(self) -> None:
        self.told += 1
        if self.joins is not None:
            self.lingering.wait(self.joins)
        if self.ends is not None:
            self.lingering.cancel(self.ends)


class LingeringTest(SynchronousTestCase):
    """Which side is called, and when."""

    def setUp(self) -> None:
        """Have three sides, of which none waits yet."""
        self.clock = Clock()
        self.lingering = Lingering(self.clock)
        self.one, self.other, self.third = (_Side(self.lingering) for _ in range(3))

    def told(self) -> tuple[int, int, int]:
        """How often each was told."""
        return (self.one.told, self.other.told, self.third.told)

    def test_time(self) -> None:
        """Each is told once, when its own time is up, and one timer does for all."""
        self.lingering.wait(self.one)
        self.clock.advance(LINGER_SECONDS * 0.5)
        self.lingering.wait(self.other)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(LINGER_SECONDS * 0.4)
        self.assertEqual(self.told(), (0, 0, 0))
        self.clock.advance(LINGER_SECONDS * 0.1)
        self.assertEqual((self.told(), len(self.lingering)), ((1, 0, 0), 1))
        self.clock.advance(LINGER_SECONDS * 0.5)
        self.assertEqual(
            (self.told(), len(self.lingering), self.clock.getDelayedCalls()), ((1, 1, 0), 0, [])
        )

    def test_shown(self) -> None:
        """It shows how many wait."""
        self.lingering.wait(self.one)
        self.assertEqual(repr(self.lingering), "<Lingering 1 sides>")

    def test_together(self) -> None:
        """Sides that began to wait at the same time are called in one turn, in order."""
        for side in (self.one, self.other):
            self.lingering.wait(side)
        self.clock.advance(LINGER_SECONDS)
        self.assertEqual((self.told(), self.clock.getDelayedCalls()), ((1, 1, 0), []))

    def test_cancelled(self) -> None:
        """Who waits no more is not told, and where nobody waits no timer is left."""
        for side in (self.one, self.other):
            self.lingering.wait(side)
        self.lingering.cancel(self.one)
        self.lingering.cancel(self.one)
        self.lingering.cancel(self.third)
        self.clock.advance(LINGER_SECONDS * 0.5)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.lingering.cancel(self.other)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(LINGER_SECONDS)
        self.assertEqual(self.told(), (0, 0, 0))

    def test_first_cancelled(self) -> None:
        """If the first one no longer waits, the next is called at its own time all the same."""
        self.lingering.wait(self.one)
        self.clock.advance(LINGER_SECONDS * 0.5)
        self.lingering.wait(self.other)
        self.lingering.cancel(self.one)
        self.clock.advance(LINGER_SECONDS * 0.9)
        self.assertEqual(self.told(), (0, 0, 0))
        self.clock.advance(LINGER_SECONDS * 0.1)
        self.assertEqual((self.told(), self.clock.getDelayedCalls()), ((0, 1, 0), []))

    def test_meanwhile(self) -> None:
        """What one does when it is told may have others begin to wait, and others wait no more."""
        self.one.joins, self.one.ends = self.third, self.other
        for side in (self.one, self.other):
            self.lingering.wait(side)
        self.clock.advance(LINGER_SECONDS)
        self.assertEqual(self.told(), (1, 0, 0))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(LINGER_SECONDS)
        self.assertEqual((self.told(), self.clock.getDelayedCalls()), ((1, 0, 1), []))
