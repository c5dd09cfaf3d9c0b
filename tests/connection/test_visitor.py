"""Who came."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.visitor import Timeouts, Visitor
from pipetwist.inbounds.unix import UnixInboundOptions

__all__ = ["VisitorTest"]


class VisitorTest(SynchronousTestCase):
    """A visitor of whom little is said."""

    def test_timeouts(self) -> None:
        """It has the time-outs of an inbound that names none: 300 s once a direction has ended, and else as long as it likes."""
        visitor = Visitor("in", "127.0.0.1:4711", "127.0.0.1")
        self.assertEqual(visitor.timeouts, Timeouts(idle=None, half_close=None))
        self.assertEqual(visitor.timeouts, UnixInboundOptions(tag="in", path="/in").timeouts)
        self.assertIsNone(visitor.user)
