"""What every side is held to, whatever it is made of: `pipetwist.interfaces.ISide`, call for
call.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from zope.interface.verify import verifyObject

from pipetwist.conformance.case import OrderlyReceiver, Settling
from pipetwist.interfaces import IDatagramSide, IDescriptorSide, ISide, Medium, SideLike

__all__ = ["DatagramSideConformance", "SideConformance"]

_ENDINGS = ("close", "disconnect", "close_with_error", "abort")


class _Sides(Settling):
    """What sides of streams and of datagrams have in common."""

    @abstractmethod
    def make_side(self) -> SideLike:
        """A side that is open, to which nobody is attached yet. The test's clean-up ends it and its
        peer.
        """

    @abstractmethod
    def peer_sends(self, data: bytes) -> None:
        """The side's peer sends this; a datagram is one call."""

    @abstractmethod
    def peer_received(self) -> list[bytes]:
        """What the side's peer has got so far; of a stream in any pieces."""

    def attached(self) -> tuple[SideLike, OrderlyReceiver]:
        """A side, and who hears of it."""
        side, receiver = self.make_side(), OrderlyReceiver()
        side.attach(receiver)
        self.addCleanup(lambda: self.assertEqual(receiver.mistakes, []))
        return side, receiver

    def read_on(self, side: SideLike, receiver: OrderlyReceiver) -> None:
        """Have it read."""
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
        """Wait until the side is over, and somewhat longer: nothing may be told then."""
        self.wait_for(lambda: receiver.lost_once, "the side to be over")
        self.settle()
        self.assertEqual(receiver.told[-1], "lost")

    def test_interfaces(self) -> None:
        """It has what a side of its medium has, and what its carrier asks for."""
        side = self.make_side()
        verifyObject(ISide, side)
        self.assertEqual(IDatagramSide.providedBy(side), side.medium is Medium.DATAGRAMS)
        if side.carrier is not None:
            verifyObject(IDescriptorSide, side)
        self.assertEqual((side.received, side.delivered, side.dropped), (0, 0, 0))

    def test_begins_paused(self) -> None:
        """Nothing is read before that is asked for."""
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
        """While it is paused nothing is read, and afterwards all of it is."""
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
        """What is written gets to the peer in order, is counted, and is something that moves."""
        side, _ = self.attached()
        before = side.moved
        for number in range(5):
            side.write(b"part %d;" % number)
        self.wait_for_peer(b"part 0;part 1;part 2;part 3;part 4;")
        self.assertEqual(side.delivered, 35)
        self.assertGreater(side.moved, before)

    def test_endings(self) -> None:
        """However it is ended, it is over once, is told so last, and nobody calls that a fault."""
        for ending in _ENDINGS:
            side, receiver = self.attached()
            self.end(side, ending)
            self.wait_for_loss(receiver)
            self.assertEqual((receiver.told.count("lost"), receiver.reason), (1, ""), ending)

    def test_delivers_first(self) -> None:
        """What was written before is delivered before it ends in order."""
        side, receiver = self.attached()
        side.write(b"last words")
        self.end(side, "close")
        self.wait_for_loss(receiver)
        self.wait_for_peer(b"last words")

    def test_first_ending_counts(self) -> None:
        """Once it is ending the other calls do nothing, but for abort, which ends it now."""
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
        """What the peer sends to a side that is ending is nobody's any more."""
        side, receiver = self.attached()
        self.read_on(side, receiver)
        side.write(b"something")
        self.end(side, "close")
        self.try_to_send(b"late")
        self.wait_for_loss(receiver)
        self.assertEqual(receiver.data, [])

    def test_over(self) -> None:
        """Of a side that is over nothing can be asked any more, and its figures stay."""
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
        """Who is attached to a side that is over is told at once."""
        side, receiver = self.make_side(), OrderlyReceiver()
        side.abort()
        self.settle()
        side.attach(receiver)
        self.wait_for_loss(receiver)
        self.assertEqual((receiver.told, receiver.mistakes), (["lost"], []))

    def end(self, side: SideLike, ending: str) -> None:
        """End it in one of the four ways. A case whose peer has to do something then has that done
        here.
        """
        getattr(side, ending)()

    def try_to_send(self, data: bytes) -> None:
        """As `peer_sends`, where the side may be gone already."""
        self.peer_sends(data)

    def _endings(self, side: SideLike) -> tuple[Callable[[], None], ...]:
        return side.close, side.disconnect, side.close_with_error, side.abort


class SideConformance(_Sides):
    """Tests of a side that is a stream: mix it into a test case of trial's, with what it has
    abstract.
    """

    @abstractmethod
    def peer_ends(self) -> None:
        """The side's peer sends an end of file, and goes on taking what it is sent."""

    @abstractmethod
    def peer_got_end(self) -> bool:
        """Whether the side's peer has got an end of file."""

    def test_read_end(self) -> None:
        """An end of file is told once, after all that came before it; it can still be written to
        where it half-closes.
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
        """Its own end of file follows what was written, once; it still reads where it
        half-closes.
        """
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
        """A side that has ended both ways is over when it is closed."""
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
    """Tests of a side that is datagrams: mix it into a test case of trial's, with what it has
    abstract.
    """

    def test_bounds(self) -> None:
        """Each datagram arrives by itself, an empty one too, both ways."""
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
