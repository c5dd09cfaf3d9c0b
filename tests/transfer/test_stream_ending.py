"""How a side on a Twisted transport ends."""

from __future__ import annotations

import socket

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.testing import RecordingReceiver
from pipetwist.transfer import acknowledgement
from pipetwist.transfer.lingering import LINGER_SECONDS
from pipetwist.transfer.stream import StreamSide
from tests.support.memory_transport import MemoryTransport
from tests.transfer.stream_case import MUCH, StreamTestCase, TcpTransport


class EndOfFileTest(StreamTestCase):
    """What Twisted takes for an end of file, over a socket that is asked."""

    def setUp(self) -> None:
        """Read from a TCP socket."""
        super().setUp()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.peer = socket.create_connection(listening.getsockname())
            self.near, _ = listening.accept()
        self.addCleanup(self.near.close)
        self.addCleanup(self.peer.close)
        self.transport.getHandle = lambda: self.near  # type: ignore[attr-defined]  # which transports of sockets have
        self.side.resume_reading()

    def test_unread(self) -> None:
        """While something is unread there is no end yet: it is read on."""
        self.peer.send(b"last words")
        self.transport.receive_end()
        self.assertEqual((self.receiver.heard, self.transport.reading), ([], True))
        self.near.recv(99)
        self.transport.receive_end()
        self.assertEqual(self.receiver.heard, ["read_ended"])

    def test_reset(self) -> None:
        """A reset is none, though Twisted says so."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.peer.close()
        self.transport.receive_end()
        self.assertLost("the connection was reset")
        self.assertEqual(self.receiver.heard, ["lost"])

    def test_reset_after_it(self) -> None:
        """A reset that came after the end of file leaves it what it is, and ends the side."""
        self.peer.shutdown(socket.SHUT_WR)
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.peer.close()
        self.transport.receive_end()
        self.assertLost("the connection was reset")
        self.assertEqual(self.receiver.heard, ["read_ended", "lost"])

    def test_unread_at_the_close(self) -> None:
        """A peer of which nobody has read what it sent is waited for as one that was sent
        something: closing would be a reset to it.
        """
        self.peer.send(b"unread")
        self.side.close()
        self.transport.take()
        self.assertEqual((self.transport.shut, self.receiver.heard), (True, []))
        self.near.recv(99)
        self.transport.receive_end()
        self.assertLost()


class BreakingOffTest(StreamTestCase):
    """The other side was cut off."""

    def setUp(self) -> None:
        """Connect it over what says that it is TCP, and have it told how much is under way, and of
        resets.
        """
        super().setUp()
        self.side = StreamSide(self.clock)
        self.receiver = RecordingReceiver()
        self.transport = TcpTransport(self.side)
        self.side.attach(self.receiver)
        self.side.resume_reading()
        self.left = 0
        self.patch(acknowledgement, "unacknowledged", lambda _: self.left)

    def test_delivers_first(self) -> None:
        """What was written is taken by the system and acknowledged by the peer, whose own bytes go
        nowhere, before it is reset.
        """
        self.side.write(b"half an answer")
        self.side.close_with_error()
        self.transport.receive(b"unheard")
        self.left = 7
        self.transport.take(7)
        self.assertEqual(self.receiver.heard, [])
        self.transport.take()
        self.assertEqual(
            (self.transport.taken, self.receiver.heard, self.receiver.data),
            (b"half an answer", [], b""),
        )
        self.left = 0
        self.clock.advance(0.2)
        self.assertLost()
        self.assertFalse(self.transport.shut)

    def test_tls_delivers_first(self) -> None:
        """So it is over TLS, whose small pieces Twisted hands on in the reactor's next turn."""
        side, clock = StreamSide(self.clock), self.clock

        @implementer(ISSLTransport)
        class Late(ProtocolWrapper):
            def write(self, data: bytes) -> None:
                clock.callLater(0, super().write, data)

        transport = TcpTransport(Late(WrappingFactory(Factory.forProtocol(Protocol)), side))
        side.attach(receiver := RecordingReceiver())
        side.write(b"half an answer")
        side.close_with_error()
        transport.take()
        self.assertEqual(receiver.heard, [])
        clock.pump([0, 0])
        transport.take()
        self.assertEqual((transport.taken, receiver.heard), (b"half an answer", ["lost"]))

    def test_tls_is_aborted_meanwhile(self) -> None:
        """Nothing is left on the clock by one that was lost before that turn."""
        side = StreamSide(self.clock)
        late = implementer(ISSLTransport)(type("Late", (ProtocolWrapper,), {}))
        transport = TcpTransport(late(WrappingFactory(Factory.forProtocol(Protocol)), side))
        side.attach(RecordingReceiver())
        side.close_with_error()
        transport.abortConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_waits(self) -> None:
        """Where nothing waits the reset comes as soon as the system could take something."""
        self.side.close_with_error()
        self.transport.take()
        self.assertLost()
        self.assertFalse(self.transport.shut)

    def test_end_of_file_on_its_way(self) -> None:
        """An end of file that was to follow what was written still does, and then comes the
        reset.
        """
        self.side.write(b"a whole answer")
        self.side.write_eof()
        self.side.close_with_error()
        self.transport.take()
        self.assertEqual((self.transport.taken, self.transport.shut), (b"a whole answer", True))
        self.assertLost()

    def test_after_end_of_file(self) -> None:
        """Where it has gone out already the reset follows at once."""
        self.side.write_eof()
        self.transport.take()
        self.side.close_with_error()
        self.assertLost()

    def test_peer_ends_meanwhile(self) -> None:
        """That the peer ends its own direction is no end in order for what it gets."""
        self.side.write(b"half an answer")
        self.side.close_with_error()
        self.transport.receive_end()
        self.transport.take()
        self.assertLost()
        self.assertFalse(self.transport.shut)

    def test_abort_meanwhile(self) -> None:
        """It can be aborted, which leaves nothing on the clock, and closing changes nothing."""
        self.side.write(b"half an answer")
        self.left = 3
        self.side.close_with_error()
        self.side.close()
        self.transport.take()
        self.assertEqual(self.receiver.heard, [])
        self.side.abort()
        self.assertLost()

    def test_unix(self) -> None:
        """A unix socket knows no reset, and is closed."""
        side = StreamSide(self.clock)
        transport = MemoryTransport(side)
        side.attach(RecordingReceiver())
        side.write(b"half an answer")
        side.close_with_error()
        transport.take()
        self.assertEqual((transport.taken, transport.shut), (b"half an answer", True))
        self.clock.advance(LINGER_SECONDS)


class ClosingTest(StreamTestCase):
    """The end that is asked for."""

    def test_after_the_peer(self) -> None:
        """After the peer's end of file the side is over when everything was delivered."""
        self.side.resume_reading()
        self.transport.receive_end()
        self.side.write(MUCH)
        self.side.close()
        self.assertEqual(self.receiver.heard, ["read_ended", "pause_writing"])
        self.transport.take()
        self.assertEqual(len(self.transport.taken), len(MUCH))
        self.assertLost()

    def test_after_both_ends(self) -> None:
        """After both ends of file it is over at once."""
        self.side.resume_reading()
        self.side.write(b"answer")
        self.side.write_eof()
        self.transport.take()
        self.transport.receive_end()
        self.side.close()
        self.assertLost()

    def test_peer_was_sent_nothing(self) -> None:
        """A peer that was sent nothing is not waited for."""
        self.side.close()
        self.transport.take()
        self.assertLost()

    def test_waits_for_the_end_of_file(self) -> None:
        """A peer that is still sending gets its answer and an end of file; what it sends is dropped
        until its own end of file.
        """
        self.side.write(b"answer")
        self.side.close()
        self.transport.take()
        self.assertEqual((self.transport.taken, self.transport.shut), (b"answer", True))
        self.transport.receive(b"still sending")
        self.assertEqual((self.receiver.data, self.side.received), (b"", 13))
        self.assertEqual(self.receiver.heard, [])
        self.transport.receive_end()
        self.assertLost()

    def test_does_not_wait_for_ever(self) -> None:
        """A peer that goes on sending is waited for a moment, counted from the last byte that was
        delivered.
        """
        self.side.write(MUCH)
        self.side.close()
        self.clock.advance(100)
        self.assertFalse(self.transport.disconnected)
        self.transport.take()
        self.clock.advance(LINGER_SECONDS - 0.1)
        self.assertEqual(self.receiver.heard, ["pause_writing"])
        self.clock.advance(0.1)
        self.assertLost()

    def test_after_half_close(self) -> None:
        """The same where the end of file had gone out before."""
        self.side.write(b"answer")
        self.side.write_eof()
        self.transport.take()
        self.side.close()
        self.assertTrue(self.transport.reading)
        self.clock.advance(LINGER_SECONDS)
        self.assertLost()

    def test_lost_while_waiting(self) -> None:
        """A peer that is lost meanwhile is waited for no longer."""
        self.side.write(b"answer")
        self.side.close()
        self.transport.take()
        self.transport.connectionLost(Failure(ConnectionLost()))
        self.assertLost("the connection was reset")

    def test_not_paused_any_more(self) -> None:
        """A side that closes reads on, whatever its receiver asks for."""
        self.side.write(b"answer")
        self.side.close()
        self.side.pause_reading()
        self.assertTrue(self.transport.reading)

    def test_once(self) -> None:
        """It closes once, and hanging up is the same."""
        self.side.write(b"answer")
        self.side.disconnect()
        self.side.close()
        self.transport.take()
        self.transport.receive_end()
        self.side.close()
        self.side.abort()
        self.assertLost()

    def test_abort(self) -> None:
        """An abort ends it now, whatever waits."""
        self.side.write(MUCH)
        self.side.abort()
        self.assertEqual(self.transport.taken, b"")
        self.assertLost()

    def test_abort_while_closing(self) -> None:
        """A side that is closing can be aborted."""
        self.side.write(MUCH)
        self.side.close()
        self.side.abort()
        self.assertLost()

    def test_abort_before_attaching(self) -> None:
        """One that nobody wanted can be aborted."""
        side = StreamSide(self.clock)
        transport = MemoryTransport(side)
        side.abort()
        self.assertTrue(transport.disconnected)


class EndsTest(StreamTestCase):
    """The end that is not asked for."""

    def test_in_order(self) -> None:
        """A loss in order has no cause."""
        self.transport.connectionLost(Failure(ConnectionDone()))
        self.assertLost()

    def test_reset(self) -> None:
        """A reset is reported."""
        self.transport.connectionLost(Failure(ConnectionLost()))
        self.assertLost("the connection was reset")

    def test_attached_late(self) -> None:
        """A receiver that is attached after the loss is notified immediately, and gets nothing
        else.
        """
        side = StreamSide(self.clock)
        MemoryTransport(side).connectionLost(Failure(ConnectionLost()))
        side.attach(self.receiver)
        self.assertEqual(
            (self.receiver.heard, self.receiver.reason), (["lost"], "the connection was reset")
        )
        side.write(b"late")
        side.resume_reading()
        side.write_eof()
        side.close()
        side.abort()
        self.assertEqual((self.receiver.heard, side.delivered), (["lost"], 0))
