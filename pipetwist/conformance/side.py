"""Tests of `pipetwist.interfaces.ISide`, for sides of every kind."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from zope.interface.verify import verifyObject

from pipetwist.conformance.case import OrderlyReceiver, Settling
from pipetwist.interfaces import IDatagramSide, IDescriptorSide, ISide, Medium, SideLike

__all__ = ["DatagramSideConformance", "SideConformance"]

_ENDINGS = ("close", "disconnect", "close_with_error", "abort")


class _Sides(Settling):
    """What sides for streams and for datagrams have in common."""

    @abstractmethod
    def make_side(self) -> SideLike:
        """Make an open side without a receiver. The test's clean-up closes it and its peer."""

    @abstractmethod
    def peer_sends(self, data: bytes) -> None:
        """The peer sends this; for datagrams, one datagram."""

    @abstractmethod
    def peer_received(self) -> list[bytes]:
        """What the peer has got so far; for a stream in any pieces."""

    def attached(self) -> tuple[SideLike, OrderlyReceiver]:
        """A side, and its receiver."""
        side, receiver = self.make_side(), OrderlyReceiver()
        side.attach(receiver)
        self.addCleanup(lambda: self.assertEqual(receiver.mistakes, []))
        return side, receiver

    def read_on(self, side: SideLike, receiver: OrderlyReceiver) -> None:
        """Resume reading."""
        receiver.wanted = True
        side.resume_reading()

    def wait_for_data(self, receiver: OrderlyReceiver, data: bytes) -> None:
        """Wait until this was read."""
        self.wait_for(lambda: len(b"".join(receiver.data)) >= len(data), f"{data!r} to be read")
        self.assertEqual(b"".join(receiver.data), data)

    def wait_for_peer(self, data: bytes) -> None:
        """Wait until the peer has got this."""
        self.wait_for(
            lambda: len(b"".join(self.peer_received())) >= len(data), f"the peer to get {data!r}"
        )
        self.assertEqual(b"".join(self.peer_received()), data)

    def wait_for_loss(self, receiver: OrderlyReceiver) -> None:
        """Wait until the side has closed, and a little longer: there must be no more events."""
        self.wait_for(lambda: receiver.lost_once, "the side to be over")
        self.settle()
        self.assertEqual(receiver.told[-1], "lost")

    def test_interfaces(self) -> None:
        """It provides the interfaces for its medium and its carrier."""
        side = self.make_side()
        verifyObject(ISide, side)
        self.assertEqual(IDatagramSide.providedBy(side), side.medium is Medium.DATAGRAMS)
        if side.carrier is not None:
            verifyObject(IDescriptorSide, side)
        self.assertEqual((side.received, side.delivered, side.dropped), (0, 0, 0))

    def test_begins_paused(self) -> None:
        """Nothing is read before reading is resumed."""
        side, receiver = self.attached()
        self.peer_sends(b"early")
        self.settle()
        self.assertEqual(receiver.data, [])
        self.read_on(side, receiver)
        self.wait_for_data(receiver, b"early")
        self.assertEqual(side.received, 5)

    def test_reads_in_order(self) -> None:
        """What the peer sends is read in order, and counted."""
        side, receiver = self.attached()
        self.read_on(side, receiver)
        expected = b""
        for number in range(5):
            self.peer_sends(b"part %d;" % number)
            expected += b"part %d;" % number
            self.wait_for_data(receiver, expected)
        self.assertEqual(side.received, len(expected))

    def test_pause(self) -> None:
        """While reading is paused nothing is read, and everything afterwards."""
        side, receiver = self.attached()
        self.read_on(side, receiver)
        self.peer_sends(b"one")
        self.wait_for_data(receiver, b"one")
        receiver.wanted = False
        side.pause_reading()
        self.peer_sends(b"two")
        self.settle()
        self.assertEqual(b"".join(receiver.data), b"one")
        self.read_on(side, receiver)
        self.wait_for_data(receiver, b"onetwo")

    def test_writes_in_order(self) -> None:
        """What is written reaches the peer in order, is counted, and increases ``moved``."""
        side, _ = self.attached()
        before = side.moved
        for number in range(5):
            side.write(b"part %d;" % number)
        self.wait_for_peer(b"part 0;part 1;part 2;part 3;part 4;")
        self.assertEqual(side.delivered, 35)
        self.assertGreater(side.moved, before)

    def test_endings(self) -> None:
        """However it is ended, it is lost once, as the last event, without a reason."""
        for ending in _ENDINGS:
            side, receiver = self.attached()
            self.end(side, ending)
            self.wait_for_loss(receiver)
            self.assertEqual((receiver.told.count("lost"), receiver.reason), (1, ""), ending)

    def test_delivers_first(self) -> None:
        """When it closes in order, what was written before is delivered first."""
        side, receiver = self.attached()
        side.write(b"last words")
        self.end(side, "close")
        self.wait_for_loss(receiver)
        self.wait_for_peer(b"last words")

    def test_first_ending_counts(self) -> None:
        """Once it is ending the other calls do nothing, except abort, which closes it now."""
        for ending in _ENDINGS[:3]:
            side, receiver = self.attached()
            for one in (ending, *_ENDINGS[:3]):
                self.end(side, one)
            side.pause_reading()
            side.write_eof()
            side.write(b"late")
            side.abort()
            self.wait_for_loss(receiver)
            self.assertEqual(receiver.told.count("lost"), 1)

    def test_hears_nothing_while_ending(self) -> None:
        """What the peer sends to a side that is ending is not reported."""
        side, receiver = self.attached()
        self.read_on(side, receiver)
        side.write(b"something")
        self.end(side, "close")
        self.try_to_send(b"late")
        self.wait_for_loss(receiver)
        self.assertEqual(receiver.data, [])

    def test_over(self) -> None:
        """Calls on a closed side do nothing, and its figures stay."""
        side, receiver = self.attached()
        side.write(b"abc")
        self.wait_for_peer(b"abc")
        side.abort()
        self.wait_for_loss(receiver)
        figures = (side.received, side.delivered)
        calls: tuple[Callable[[], None], ...] = (
            side.pause_reading,
            side.resume_reading,
            side.write_eof,
            *self._endings(side),
        )
        for call in calls:
            call()
        side.write(b"late")
        self.settle()
        self.assertEqual(
            (side.received, side.delivered, receiver.told.count("lost")), (*figures, 1)
        )

    def test_ended_before_anybody_is_attached(self) -> None:
        """A receiver that is attached to a closed side is notified immediately."""
        side, receiver = self.make_side(), OrderlyReceiver()
        side.abort()
        self.settle()
        side.attach(receiver)
        self.wait_for_loss(receiver)
        self.assertEqual((receiver.told, receiver.mistakes), (["lost"], []))

    def end(self, side: SideLike, ending: str) -> None:
        """End it in one of the four ways. Override it if the peer has to do something then."""
        getattr(side, ending)()

    def try_to_send(self, data: bytes) -> None:
        """Like `peer_sends`, if the side may have closed."""
        self.peer_sends(data)

    def _endings(self, side: SideLike) -> tuple[Callable[[], None], ...]:
        return side.close, side.disconnect, side.close_with_error, side.abort


class SideConformance(_Sides):
    """Tests of a side for streams: mix it into a test case of trial's, with what it has
    abstract.
    """

    @abstractmethod
    def peer_ends(self) -> None:
        """The peer sends an end of file, and continues to read."""

    @abstractmethod
    def peer_got_end(self) -> bool:
        """Whether the peer has got an end of file."""

    def test_read_end(self) -> None:
        """An end of file is reported once, after all data; if the side half-closes it can still be
        written to.
        """
        side, receiver = self.attached()
        self.peer_sends(b"all of it")
        self.peer_ends()
        self.read_on(side, receiver)
        self.wait_for(lambda: "read_ended" in receiver.told, "the end of file")
        self.assertEqual(b"".join(receiver.data), b"all of it")
        side.pause_reading()
        side.resume_reading()
        self.settle()
        self.assertEqual(receiver.told.count("read_ended"), 1)
        if side.half_closes:
            side.write(b"answer")
            self.wait_for_peer(b"answer")

    def test_write_eof(self) -> None:
        """Its own end of file follows what was written, once; if it half-closes it still reads."""
        side, receiver = self.attached()
        side.write(b"question")
        side.write_eof()
        side.write_eof()
        self.wait_for(self.peer_got_end, "the peer to get the end of file")
        self.wait_for_peer(b"question")
        if side.half_closes:
            self.read_on(side, receiver)
            self.peer_sends(b"answer")
            self.wait_for_data(receiver, b"answer")

    def test_both_ends(self) -> None:
        """A side that has ended both ways is lost when it is closed."""
        side, receiver = self.attached()
        self.read_on(side, receiver)
        self.peer_ends()
        self.wait_for(
            lambda: "read_ended" in receiver.told or receiver.lost_once, "the end of file"
        )
        side.write_eof()
        self.end(side, "close")
        self.wait_for_loss(receiver)
        self.assertEqual(receiver.reason, "")


class DatagramSideConformance(_Sides):
    """Tests of a side for datagrams: mix it into a test case of trial's, with what it has
    abstract.
    """

    def test_bounds(self) -> None:
        """Each datagram arrives separately, an empty one too, both ways."""
        side, receiver = self.attached()
        self.read_on(side, receiver)
        datagrams = [b"one", b"", b"three"]
        for datagram in datagrams:
            self.peer_sends(datagram)
            side.write(datagram)
        self.wait_for(lambda: len(receiver.data) >= len(datagrams), "the datagrams")
        self.wait_for(lambda: len(self.peer_received()) >= len(datagrams), "the peer to get them")
        self.assertEqual((receiver.data, self.peer_received()), (datagrams, datagrams))
        self.assertEqual((side.received, side.delivered), (8, 8))
