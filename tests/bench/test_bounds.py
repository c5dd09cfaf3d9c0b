"""A bound that is missed is said, and shows in the exit status."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.bounds import MISSED, Bounds


class BoundsTest(SynchronousTestCase):
    """`Bounds`."""

    def test_kept(self) -> None:
        """A median at the bound keeps it, whatever single runs did."""
        bounds = Bounds(10)
        self.assertEqual(
            bounds.judge("scrapes", [99.0, 10.0, 1.0]), "median 10.00 ms, at most 10 ms: kept"
        )
        self.assertEqual((bounds.status, bounds.summary), (0, "Every bound is kept."))

    def test_missed(self) -> None:
        """One of several medians that is beyond the bound is named, and decides the status."""
        bounds = Bounds(10)
        bounds.judge("scrapes", [1.0])
        self.assertEqual(
            bounds.judge("queries", [10.1, 1.0, 10.2]), "median 10.10 ms, at most 10 ms: MISSED"
        )
        bounds.judge("holders", [1.0])
        self.assertEqual(
            (bounds.status, bounds.summary), (MISSED, "The bound is missed by: queries.")
        )
