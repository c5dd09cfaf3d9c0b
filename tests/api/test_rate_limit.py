"""How fast a client is read, by the clock alone."""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.api.rate_limit import RateLimit, RateLimitedReading


class PacingTest(SynchronousTestCase):
    """Clients of one frontend."""

    def setUp(self) -> None:
        """Start the clock."""
        self.clock = Clock()
        self.rate_limit = RateLimit(self.clock)

    def client(self) -> tuple[RateLimitedReading, StringTransport]:
        """One, and its transport."""
        transport = StringTransport()
        return RateLimitedReading(self.rate_limit, transport), transport

    def longest(self, frames: int, requests: int, clients: int = 1) -> int:
        """How much clients that send as fast as they can get through in a second, once the burst of
        the first is over.
        """
        sent = 0
        readings = [self.client() for _ in range(clients)]
        for tick in range(3000):
            for reading, transport in readings:
                if transport.producerState == "producing":
                    reading.spend(frames, requests)
                    sent += tick >= 1000
            self.clock.advance(0.001)
        for reading, _ in readings:
            reading.stop()
        return sent // 2

    def test_interface(self) -> None:
        """It is a producer, and stops its transport."""
        reading, transport = self.client()
        verifyObject(IPushProducer, reading)
        reading.stopProducing()
        self.assertEqual(transport.producerState, "stopped")

    def test_usual(self) -> None:
        """A client that sends thirty requests of some frames at first and hundreds later, or a
        thousand in a second, is never held back.
        """
        reading, transport = self.client()
        reading.spend(120, 30)
        self.assertEqual(transport.producerState, "producing")
        self.clock.advance(1)
        for requests in (300, *[10] * 200):
            reading.spend(4 * requests, requests)
            self.assertEqual(transport.producerState, "producing")
            self.clock.advance(0.01)

    def test_frames(self) -> None:
        """Frames come through at 50,000 a second, whether they are one client's or those of
        many.
        """
        for clients in (1, 5):
            self.assertIn(self.longest(1000, 0, clients) * 1000, range(45_000, 55_001))

    def test_requests(self) -> None:
        """Requests at some 4,000."""
        self.assertIn(self.longest(100, 50) * 50, range(3_900, 4_400))

    def test_others(self) -> None:
        """A client that sends a request now and then is read immediately, however many others are
        held back.
        """
        for _ in range(50):
            self.client()[0].spend(10_000, 0)
        self.assertEqual(repr(self.rate_limit), "<RateLimit: 50 held back>")
        reading, transport = self.client()
        for _ in range(20):
            self.clock.advance(0.5)
            reading.spend(4, 1)
            self.assertEqual(transport.producerState, "producing")

    def test_coming(self) -> None:
        """Of those who come some are carried at once, and the others at 200 a second."""
        waits = [round(self.rate_limit.seconds_to_carry(), 6) for _ in range(40)]
        self.assertEqual((waits[:20], waits[39]), ([0.0] * 20, 0.1))
        self.clock.advance(10)
        self.assertEqual(self.rate_limit.seconds_to_carry(), 0.0)

    def test_both_reasons(self) -> None:
        """It is read again only when neither its pace nor gRPC holds it back."""
        reading, transport = self.client()
        reading.spend(10_000, 0)
        self.assertEqual(
            (transport.producerState, repr(reading)), ("paused", "<RateLimitedReading: held back>")
        )
        reading.pauseProducing()
        reading.resumeProducing()
        self.assertEqual(transport.producerState, "paused")
        reading.pauseProducing()
        self.clock.advance(1)
        self.assertEqual(
            (transport.producerState, repr(reading)), ("paused", "<RateLimitedReading: paused>")
        )
        reading.resumeProducing()
        self.assertEqual(
            (transport.producerState, repr(reading)), ("producing", "<RateLimitedReading: read>")
        )

    def test_longest(self) -> None:
        """Whatever it has sent, it is read again within five seconds."""
        reading, transport = self.client()
        reading.spend(10_000_000, 0)
        self.clock.advance(5)
        self.assertEqual(transport.producerState, "producing")

    def test_gone(self) -> None:
        """When it has gone nothing is left to do."""
        reading, _ = self.client()
        reading.spend(10_000, 0)
        reading.stop()
        reading.stop()
        self.assertEqual((self.clock.getDelayedCalls(), self.rate_limit.held_back), ([], 0))
