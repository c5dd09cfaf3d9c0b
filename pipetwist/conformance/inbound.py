"""Tests of `pipetwist.interfaces.IInbound`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from pipetwist.conformance.case import OrderlyReceiver, Settling
from pipetwist.fakes.relay import RecordingRelay
from pipetwist.interfaces import IInbound, ISide

__all__ = ["InboundConformance"]


class InboundConformance(Settling):
    """Tests of an inbound: mix it into a test case of trial's, and write its abstract methods."""

    @abstractmethod
    def make_inbound(self, relay: RecordingRelay) -> Any:  # an IInbound needs zope's plug-in
        """Make an inbound with this relay, which does not listen yet. The test's clean-up stops
        it.
        """

    @abstractmethod
    def client_comes(self) -> Callable[[], object]:
        """Connect a client that sends ``hello``, as a datagram if the inbound is for datagrams.

        Returns:
            A function that disconnects it.

        Raises:
            OSError: the inbound does not listen.
        """

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.relay = RecordingRelay()
        self.inbound = self.make_inbound(self.relay)

    def listen(self) -> None:
        """Have it listen."""
        self._done(self.inbound.listen())

    def stop_listening(self) -> None:
        """Have it stop."""
        self._done(self.inbound.stop_listening())

    def test_interface(self) -> None:
        """It provides the interface."""
        self.assertTrue(verifyObject(IInbound, self.inbound))
        self.assertNotEqual(self.inbound.tag, "")

    def test_hands_on(self) -> None:
        """A client is routed with the inbound's tag, and its side is handled with reading
        paused.
        """
        self.listen()
        leave = self.client_comes()
        self.wait_for(lambda: self.relay.handled, "the client")
        ((route, side),) = self.relay.handled
        self.assertEqual(
            (route.client_info.inbound, [one.inbound for one in self.relay.clients]),
            (self.inbound.tag, [self.inbound.tag]),
        )
        verifyObject(ISide, side)
        receiver = OrderlyReceiver()
        side.attach(receiver)
        self.settle()
        self.assertEqual(receiver.mistakes, [])
        receiver.wanted = True
        side.resume_reading()
        self.wait_for(lambda: b"".join(receiver.data) == b"hello", "what the client sent")
        leave()
        side.abort()
        self.wait_for(lambda: receiver.lost_once, "the side to be over")
        self.assertEqual(receiver.mistakes, [])

    def test_several(self) -> None:
        """Each client is one connection."""
        self.listen()
        leaving = [self.client_comes() for _ in range(3)]
        self.wait_for(lambda: len(self.relay.handled) == 3, "three clients")
        self._end(leaving)

    def test_twice(self) -> None:
        """To listen while it listens, and to stop when it has stopped, does nothing."""
        self.stop_listening()
        self.listen()
        self.listen()
        leave = self.client_comes()
        self.wait_for(lambda: self.relay.handled, "the client")
        self._end([leave])
        self.stop_listening()
        self.stop_listening()

    def test_stopped(self) -> None:
        """Once it has stopped no client is accepted, until it listens again."""
        self.listen()
        self.stop_listening()
        self.assertRaises(OSError, self.client_comes)
        self.listen()
        leave = self.client_comes()
        self.wait_for(lambda: self.relay.handled, "the client")
        self._end([leave])

    def test_service(self) -> None:
        """As a service it listens from its start to its stop."""
        self.inbound.startService()
        self.settle()
        leave = self.client_comes()
        self.wait_for(lambda: self.relay.handled, "the client")
        self._end([leave])
        self._done(self.inbound.stopService())
        self.assertRaises(OSError, self.client_comes)

    def _end(self, leaving: list[Callable[[], object]]) -> None:
        for leave in leaving:
            leave()
        for _, side in self.relay.handled:
            side.abort()
        self.settle()

    def _done(self, doing: Deferred[None] | None) -> None:
        if doing is not None:
            self.wait_for(lambda: doing.called, "it to be done")
            self.successResultOf(doing)
