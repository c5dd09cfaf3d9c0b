"""A side on a transport in memory."""

from __future__ import annotations

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from pipetwist.testing import RecordingReceiver
from pipetwist.transfer.stream import StreamSide
from tests.support.memory_transport import MemoryTransport

__all__ = ["MUCH", "StreamTestCase", "TcpTransport"]

MUCH = b"x" * 200_000


class StreamTestCase(SynchronousTestCase):
    """A side on a transport in memory."""

    def setUp(self) -> None:
        """Connect the side, and attach a receiver."""
        self.clock = Clock()
        self.side = StreamSide(self.clock)
        self.transport = MemoryTransport(self.side)
        self.receiver = RecordingReceiver()
        self.side.attach(self.receiver)

    def assertLost(self, reason: str = "") -> None:
        """The side is over, as it was told once and last, and nothing of it is left."""
        self.assertEqual(
            (self.receiver.heard.count("lost"), self.receiver.heard[-1], self.receiver.reason),
            (1, "lost", reason),
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(
            (self.transport.memory.readers, self.transport.memory.writers), (set(), set())
        )


class TcpTransport(MemoryTransport):
    """Says that it is TCP, and keeps whether small pieces may be held back."""

    holds_back = True

    def startReading(self) -> None:
        alsoProvides(self, ITCPTransport)
        super().startReading()

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.holds_back = not enabled
