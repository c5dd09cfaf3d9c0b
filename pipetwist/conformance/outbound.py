"""Tests of `pipetwist.interfaces.IOutbound`."""

from __future__ import annotations

from abc import abstractmethod

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from pipetwist.conformance.case import OrderlyReceiver, Settling
from pipetwist.interfaces import IDescriptorSide, IOutbound, ISide, Medium, OutboundLike, SideLike

__all__ = ["OutboundConformance"]


class OutboundConformance(Settling):
    """Tests of an outbound: mix it into a test case of trial's, and write its abstract methods."""

    @abstractmethod
    def make_outbound(self) -> OutboundLike:
        """Make an outbound that can connect. The test's clean-up stops what it needs."""

    @abstractmethod
    def make_unreachable(self) -> OutboundLike:
        """Make an outbound that can't connect."""

    @abstractmethod
    def open_now(self) -> int:
        """How many connections, or commands, are open or being opened."""

    def connect(self, outbound: OutboundLike) -> SideLike:
        """Connect it; the test's clean-up closes the side."""
        outcome = self._begin(outbound)
        self.wait_for(lambda: outcome, "the outbound to connect")
        (side,) = outcome
        if isinstance(side, Failure):
            side.raiseException()
        self.addCleanup(self._end, side)
        return side

    def test_interface(self) -> None:
        """It provides the interface, and has a connect time-out."""
        outbound = self.make_outbound()
        self.assertTrue(verifyObject(IOutbound, outbound))
        self.assertGreater(outbound.connect_timeout, 0)
        self.assertNotEqual(outbound.tag, "")

    def test_sides(self) -> None:
        """Its sides are what it declares: for datagrams if it has a largest one, and with a carrier
        if they are in the kernel.
        """
        outbound = self.make_outbound()
        side = self.connect(outbound)
        verifyObject(ISide, side)
        self.assertEqual(side.medium is Medium.DATAGRAMS, outbound.max_datagram_bytes is not None)
        self.assertEqual(
            IDescriptorSide.providedBy(side) and side.carrier is not None, outbound.in_kernel
        )

    def test_paused(self) -> None:
        """Reading from its sides is paused: no data arrives before it is resumed."""
        side, receiver = self.connect(self.make_outbound()), OrderlyReceiver()
        side.attach(receiver)
        self.settle()
        self.assertEqual((receiver.data, receiver.mistakes), ([], []))

    def test_several(self) -> None:
        """It connects as often as it is asked, each time with a new side."""
        outbound = self.make_outbound()
        sides = [self.connect(outbound) for _ in range(3)]
        self.assertEqual(len({id(side) for side in sides}), 3)
        self.assertEqual(self.open_now(), 3)

    def test_nothing_left(self) -> None:
        """A closed side leaves nothing open."""
        side, receiver = self.connect(self.make_outbound()), OrderlyReceiver()
        side.attach(receiver)
        side.abort()
        self.wait_for(lambda: receiver.lost_once, "the side to be over")
        self.wait_for(lambda: not self.open_now(), "it to be closed")

    def test_cancelled(self) -> None:
        """A cancelled attempt leaves nothing open."""
        connecting: Deferred[SideLike] = maybeDeferred(self.make_outbound().connect)
        outcome: list[SideLike | Failure] = []
        connecting.addBoth(outcome.append)
        connecting.cancel()
        self.wait_for(lambda: outcome, "the outbound to give up")
        if not isinstance(outcome[0], Failure):
            self._end(outcome[0])
        self.wait_for(lambda: not self.open_now(), "it to be closed")

    def test_unreachable(self) -> None:
        """If it can't connect, it fails with an error that has a text for people, and leaves
        nothing open.
        """
        outcome = self._begin(self.make_unreachable())
        self.wait_for(lambda: outcome, "the outbound to fail")
        texts = [str(failed.value) for failed in outcome if isinstance(failed, Failure)]
        self.assertEqual([bool(text) for text in texts], [True])
        self.assertEqual(self.open_now(), 0)

    def _begin(self, outbound: OutboundLike) -> list[SideLike | Failure]:
        outcome: list[SideLike | Failure] = []
        maybeDeferred(outbound.connect).addBoth(outcome.append)
        return outcome

    def _end(self, side: SideLike) -> None:
        side.abort()
        self.settle()
