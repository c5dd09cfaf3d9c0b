"""The ends of a socket's side, alone: what its peer does it tells, what it is asked for it does."""

from __future__ import annotations

import socket

from pipetwist.transfer.lingering import LINGER_SECONDS
from tests.kernel.side_case import SideCase
from tests.support.loop import take_all


class EndingTest(SideCase):
    """The peer ends, rudely or not, and the end is reported once."""

    def lost(self) -> tuple[list[str], str | None]:
        """What the receiver has heard, and the cause."""
        return self.receiver.heard, self.receiver.reason

    def test_abort(self) -> None:
        """It is over in the call, whatever waits, and everything afterwards is for nobody."""
        self.fill()
        self.read_on()
        writer = self.side.writer
        self.side.abort()
        self.assertEqual(self.lost(), (["lost"], ""))
        for call in (
            self.side.abort,
            self.side.close,
            self.side.disconnect,
            self.side.write_eof,
            self.side.resume_reading,
        ):
            call()
        self.side.pause_reading()
        self.side.write(b"late")
        self.loop.settle()
        self.assertEqual(self.lost(), (["lost"], ""))
        self.assertEqual((writer.queue, self.kernel.poller._told), (None, {}))

    def test_attached_late(self) -> None:
        """A receiver that is attached late gets what happened before."""
        side, receiver, _ = self.make(attached=False)
        side.abort()
        side.attach(receiver)
        self.assertEqual((receiver.heard, receiver.reason), (["lost"], ""))

    def test_mistake(self) -> None:
        """A mistake of the receiver's ends the side, for that reason."""
        self.patch(self.receiver, "data_received", self._stumble)
        self.peer.send(b"x")
        self.read_on()
        self.assertEqual(self.lost(), (["lost"], "internal error"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def _stumble(self, side: object, data: bytes) -> None:
        raise ZeroDivisionError


class TcpEndingTest(EndingTest):
    """The same over TCP, which has resets."""

    family = socket.AF_INET

    def test_reset(self) -> None:
        """A reset is reported with its name, after what came before it."""
        self.peer.send(b"last")
        self.read_on()
        self.reset()
        self.loop.settle()
        self.assertEqual(
            (self.receiver.data, self.lost()), (b"last", (["lost"], "the connection was reset"))
        )

    def test_reset_while_paused(self) -> None:
        """A reset while nothing is read is a peer that has gone, once, and a reset when reading
        goes on.
        """
        self.read_on()
        self.side.pause_reading()
        self.reset()
        self.loop.settle()
        self.assertEqual(self.heard(), ["peer_closed"])
        self.read_on()
        self.assertEqual(self.lost(), (["peer_closed", "lost"], "the connection was reset"))

    def test_reset_while_waiting(self) -> None:
        """A reset while something waits to be delivered ends the side when its reading goes on."""
        self.fill()
        self.reset()
        self.loop.settle()
        self.assertEqual(self.side.writer.queue, None)
        self.read_on()
        self.assertEqual(self.receiver.heard[-1], "lost")
        self.assertEqual(self.receiver.reason, "the connection was reset")

    def test_reset_while_closing(self) -> None:
        """A reset of a side that is to close is no reason: it was to end."""
        self.side.write(b"x")
        self.side.close()
        self.reset()
        self.loop.settle()
        self.assertEqual(self.lost(), (["lost"], ""))

    def test_close_with_error(self) -> None:
        """A side that breaks off delivers what waits, though its peer goes on sending, and then
        resets without an end of file.
        """
        written = self.fill()
        self.read_on()
        self.side.close_with_error()
        self.peer.send(b"unheard")
        taken = b""
        for _ in self.loop.rounds("the reset"):
            try:
                taken += take_all(self.peer)
            except ConnectionResetError:
                break
            self.loop.advance(0.01)
        self.assertTrue(taken == written)
        self.assertEqual((self.lost(), self.receiver.data), ((["lost"], ""), b""))
        self.assertEqual(self.loop.getDelayedCalls(), [])

    def test_close_with_error_after_an_end_of_file(self) -> None:
        """An end of file that is to follow what waits does, and the peer, which has read it, is
        reset when it sends more.
        """
        written = self.fill()
        self.side.write_eof()
        self.side.close_with_error()
        self.assertEqual(self.heard(), [])
        self.take(written)
        self.assertEqual(self.peer.recv(1), b"")
        for _ in self.loop.rounds("the reset"):
            if self.side.ending.over:
                break
            self.loop.advance(0.01)
        self.assertEqual(self.lost(), (["lost"], ""))
        self.assertRaises(OSError, self._send_on)

    def _send_on(self) -> None:
        for _ in self.loop.rounds("the peer to be told"):
            self.peer.send(b"x")

    def test_reset_after_end_of_file(self) -> None:
        """A peer that resets after its end of file was read is lost for that, though nothing is
        read any more.
        """
        self.peer.shutdown(socket.SHUT_WR)
        self.read_on()
        self.assertEqual(self.heard(), ["read_ended"])
        self.reset()
        self.loop.settle()
        self.assertEqual(self.lost(), (["read_ended", "lost"], "the connection was reset"))

    def test_reset_told_by_a_write(self) -> None:
        """A reset of which writing tells is no end of file to who reads, whatever came before
        it.
        """
        self.peer.send(b"half an ans")
        self.reset()
        self.side.write(b"x")
        self.read_on()
        self.assertEqual(
            (self.receiver.data, self.lost()),
            (b"half an ans", (["lost"], "the connection was reset")),
        )

    def test_abort_resets(self) -> None:
        """An abort is a reset to the peer, and so is a mistake."""
        self.side.abort()
        self.assertRaises(ConnectionResetError, self.peer.recv, 1)
        self.side, self.receiver, self.peer = self.make()
        self.test_mistake()
        self.assertRaises(ConnectionResetError, self.peer.recv, 1)


class ClosingTest(SideCase):
    """Closing in order."""

    def test_nothing_written(self) -> None:
        """A side that has delivered nothing closes at once."""
        self.read_on()
        self.side.close()
        self.assertEqual(
            (self.heard(), self.receiver.reason, self.peer.recv(1)), (["lost"], "", b"")
        )

    def test_unread(self) -> None:
        """A peer of which nobody has read what it sent, and who was sent nothing, gets an end of
        file, as whoever is closed in order.
        """
        for family in (socket.AF_UNIX, socket.AF_INET):
            self.family = family
            self.side, self.receiver, self.peer = self.make()
            self.peer.send(b"unread")
            self.side.close()
            self.loop.settle()
            self.assertEqual(self.peer.recv(1), b"")
            self.peer.close()
            self.loop.settle()
            self.assertEqual(
                (self.heard(), self.receiver.data, self.receiver.reason), (["lost"], b"", "")
            )

    def test_unread_and_broken_off(self) -> None:
        """Over a unix socket that is the one way to tell a peer that it was cut off, and it is
        taken.
        """
        self.peer.send(b"unread")
        self.side.close_with_error()
        self.assertRaises(ConnectionResetError, self.peer.recv, 1)

    def test_peer_has_ended(self) -> None:
        """If the peer has ended it closes when everything is delivered."""
        self.peer.shutdown(socket.SHUT_WR)
        self.read_on()
        written = self.fill()
        self.side.close()
        self.assertTrue(self.take_what_waits("read_ended") == written)
        self.assertEqual(
            (self.heard(), self.receiver.reason, self.peer.recv(1)),
            (["read_ended", "lost"], "", b""),
        )

    def test_waits_for_the_peer(self) -> None:
        """A peer that is still sending gets everything and an end of file, and its own end closes
        the side; what it sends is dropped.
        """
        for method in ("close", "disconnect"):
            self.side, self.receiver, self.peer = self.make()
            self.side.write(b"answer")
            getattr(self.side, method)()
            self.assertEqual((self.peer.recv(99), self.peer.recv(99)), (b"answer", b""))
            self.peer.send(b"dropped")
            self.loop.settle()
            self.assertEqual((self.heard(), self.receiver.data, self.side.received), ([], b"", 7))
            self.side.pause_reading()
            self.peer.close()
            self.loop.settle()
            self.assertEqual((self.heard(), self.receiver.reason), (["lost"], ""))

    def test_does_not_wait_for_ever(self) -> None:
        """A peer that does not end is waited for two seconds after the last byte, and no longer."""
        written = self.fill()
        self.side.close()
        self.loop.advance(LINGER_SECONDS * 3)
        self.assertEqual(self.heard(), [])
        self.take(written)
        self.loop.advance(LINGER_SECONDS * 0.9)
        self.assertEqual(self.heard(), [])
        self.loop.advance(LINGER_SECONDS * 0.2)
        self.assertEqual((self.heard(), self.receiver.reason), (["lost"], ""))

    def test_peer_goes_meanwhile(self) -> None:
        """A peer that goes while something waits for it is lost without a reason, for it was to
        be.
        """
        self.fill()
        self.side.close()
        self.peer.close()
        self.loop.settle()
        self.assertEqual((self.heard(), self.receiver.reason), (["lost"], ""))

    def test_abort_meanwhile(self) -> None:
        """A side that waits for its peer can be aborted, which leaves nothing on the clock."""
        self.side.write(b"answer")
        self.side.close()
        self.assertEqual(len(self.loop.getDelayedCalls()), 1)
        self.side.abort()
        self.assertEqual((self.heard(), self.loop.getDelayedCalls()), (["lost"], []))

    def test_paused(self) -> None:
        """A side whose reading was paused closes all the same."""
        self.read_on()
        self.side.pause_reading()
        self.side.write(b"answer")
        self.side.close()
        self.peer.close()
        self.loop.settle()
        self.assertEqual(self.heard(), ["lost"])
