"""What a second of the page costs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.page.cost import costs

__all__ = ["CostTest"]


class CostTest(SynchronousTestCase):
    """Many connections and users."""

    def test_steps(self) -> None:
        """With 5,000 connections and 1,000 users no step holds the reactor up for longer than a few milliseconds.

        The bounds are ten times what was measured, for machines that are slower.
        """
        rounds = list(costs(5000, 1000, rounds=4))
        self.assertLess(min(cost.longest for cost in rounds), 0.006)
        self.assertLess(min(cost.telling for cost in rounds), 0.022)
        self.assertLess(min(cost.reading for cost in rounds), 0.04)
