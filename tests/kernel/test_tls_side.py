"""A socket with TLS as a side, alone: what is TLS's own. What it has in common with every side is
in `tests.conformance`.
"""

from __future__ import annotations

import socket
import struct

from OpenSSL import SSL

from pipetwist.kernel.tls_side import TlsSide
from pipetwist.testing import RecordingReceiver, RecordingTracker
from pipetwist.transfer.loss_reasons import NO_CLOSE_NOTIFY, RESET
from tests.support.loop import KernelCase
from tests.support.tls_peer import TLS12, TLS13, TlsPeer, tls_ends


class TlsSideTest(KernelCase):
    """A side, its receiver, and its peer."""

    def make(
        self, family: int = socket.AF_INET, *, server: bool = True, renegotiates: bool = False
    ) -> tuple[TlsSide, RecordingReceiver, TlsPeer]:
        """Make them; the test's clean-up ends the side. Only TLS 1.2 renegotiates."""
        near, far = self.pair(family)
        version = TLS12 if renegotiates else TLS13
        tls, peer = tls_ends(near, far, version, server=server, renegotiates=renegotiates)
        side = TlsSide(self.kernel, near, tls, RecordingTracker(), half_closes_by_fin=server)
        self.addCleanup(side.abort)
        receiver = RecordingReceiver()
        side.attach(receiver)
        return side, receiver, peer

    def test_end_waits_for_room(self) -> None:
        """Where the peer reads nothing its close_notify waits behind what was written, and comes
        after all of it.
        """
        side, _, peer = self.make()
        written = 0
        while not side.writer.waiting:
            side.write(bytes(1 << 16))
            written += 1 << 16
        side.write_eof()
        self.assertFalse(peer.got_notify)
        for _ in self.loop.rounds("the close_notify"):
            peer.take()
            if peer.got_notify:
                break
        self.assertEqual((len(peer.received), peer.got_fin), (written, False))
        self.assertEqual(side.delivered, written)

    def test_fin_at_the_close(self) -> None:
        """A close_notify alone leaves the socket open, since TLS itself may have something to
        answer; when the side is closed its FIN comes at once, though the peer is waited for.
        """
        side, receiver, peer = self.make(socket.AF_UNIX)
        side.resume_reading()
        side.write_eof()
        peer.take()
        self.assertEqual((peer.got_notify, peer.got_fin), (True, False))
        side.close()
        peer.take()
        self.assertTrue(peer.got_fin)
        self.assertNotIn("lost", receiver.heard)
        peer.say_end()
        self.loop.until(lambda: "lost" in receiver.heard, "the end")
        self.assertEqual(receiver.reason, "")

    def test_no_room_for_the_end_alone(self) -> None:
        """The close_notify alone finds no room: the side goes on waiting, and says it later."""
        side, _, peer = self.make(socket.AF_UNIX)
        while not side.writer.waiting:
            side.write(bytes(1 << 14))
        sent = len(peer.take())
        while side.writer.waiting:
            self.loop.settle()
            sent += len(peer.take())
        # Small records fill what is left of the socket's buffer to within a close_notify.
        while not side.writer.waiting:
            side.write(b"x")
        side.write_eof()
        for _ in self.loop.rounds("the close_notify"):
            peer.take()
            if peer.got_notify:
                break
        self.assertEqual(len(peer.received), side.delivered)

    def test_server_without_close_notify(self) -> None:
        """A server that ends with a FIN alone is lost, and why is told: a download is not taken for
        whole.
        """
        side, receiver, peer = self.make(server=False)
        side.resume_reading()
        peer.send(b"half an answer")
        peer.send_fin()
        self.loop.until(lambda: "lost" in receiver.heard, "the loss")
        self.assertEqual((receiver.data, receiver.reason), (b"half an answer", NO_CLOSE_NOTIFY))
        self.assertNotIn("read_ended", receiver.heard)

    def test_client_without_close_notify(self) -> None:
        """A client that ends so has half-closed: it gets its answer, and how it has ended is told
        at the end.
        """
        side, receiver, peer = self.make()
        side.resume_reading()
        peer.send(b"question")
        peer.send_fin()
        self.loop.until(lambda: "read_ended" in receiver.heard, "the end of file")
        side.write(b"answer")
        side.close()
        self.loop.settle()
        peer.take()
        self.assertEqual((peer.received, peer.got_notify), (b"answer", True))
        self.assertEqual((receiver.heard[-1], receiver.reason), ("lost", NO_CLOSE_NOTIFY))

    def test_damaged(self) -> None:
        """What is no TLS ends the side, after everything that came whole before it."""
        side, receiver, peer = self.make()
        side.resume_reading()
        peer.send(b"whole")
        peer.socket.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.loop.until(lambda: "lost" in receiver.heard, "the loss")
        self.assertEqual(receiver.data, b"whole")
        self.assertRegex(receiver.reason or "", "^TLS: ")

    def test_cut_off_over_a_unix_socket(self) -> None:
        """Where a socket has no resets the lack of a close_notify says that it was cut off."""
        side, _, peer = self.make(socket.AF_UNIX)
        side.write(b"half an answer")
        side.close_with_error()
        for _ in self.loop.rounds("the end"):
            peer.take()
            self.loop.advance(0.1)
            if peer.got_fin:
                break
        self.assertEqual((peer.received, peer.got_notify), (b"half an answer", False))

    def test_renegotiation(self) -> None:
        """A server that asks for another handshake is told that there is none; what is written
        meanwhile goes out, and what the server makes of it is told.
        """
        side, receiver, peer = self.make(server=False, renegotiates=True)
        side.resume_reading()
        peer.tls.renegotiate()
        peer.tls.do_handshake()
        peer.send(b"answer")
        self.loop.until(lambda: receiver.data, "the answer")
        side.write(b"question")
        self.assertRaisesRegex(SSL.Error, "no renegotiation", peer.tls.recv, 100)
        self.assertEqual((side.delivered, receiver.data), (8, b"answer"))
        self.loop.until(lambda: receiver.heard, "the loss")
        self.assertRegex(receiver.reason or "", "^TLS: .*handshake failure$")

    def test_small_records(self) -> None:
        """Of a peer that sends records of one byte so many are read in a turn, and no more: the
        others wait no longer for them.
        """
        side, receiver, peer = self.make(socket.AF_UNIX)
        for _ in range(200):
            peer.send(b"x")
        side.resume_reading()
        side.ready(1)
        self.assertEqual(len(receiver.data), 64)
        self.loop.until(lambda: len(receiver.data) == 200, "the rest")

    def test_records_without_data(self) -> None:
        """Of records that are no data, as a server's session tickets or KeyUpdates, one is taken in
        a turn: a peer that sends nothing else does not keep the others waiting.
        """
        side, receiver, peer = self.make(socket.AF_UNIX, server=False)
        peer.send(b"x")
        side.resume_reading()
        side.ready(1)
        self.assertEqual(receiver.data, b"")
        self.loop.until(lambda: receiver.data, "what follows the tickets")
        self.assertEqual(receiver.data, b"x")

    def test_reset_while_it_waits(self) -> None:
        """A peer that takes nothing and resets was reset, in the words of a plain connection's."""
        side, receiver, peer = self.make()
        side.resume_reading()
        while not side.writer.waiting:
            side.write(bytes(1 << 16))
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.socket.close()
        self.loop.until(lambda: "lost" in receiver.heard, "the loss")
        self.assertEqual(receiver.reason, RESET)

    def test_answer_before_a_reset(self) -> None:
        """An answer that was sent before the peer reset the connection is read, though more was to
        be written to it then: a server that refuses an upload does that.
        """
        side, receiver, peer = self.make(server=False)
        side.write(b"the first part")
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.send(b"too large")
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.socket.close()
        side.write(b"the second part")
        side.resume_reading()
        self.loop.until(lambda: "lost" in receiver.heard, "the loss")
        self.assertEqual((receiver.data, receiver.reason), (b"too large", RESET))

    def test_error_of_another(self) -> None:
        """What has failed at one connection is no error of the others."""
        side, _, peer = self.make()
        other, others, others_peer = self.make()
        while not side.writer.waiting:
            side.write(bytes(1 << 16))
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.socket.close()
        side.writer.flush()
        other.resume_reading()
        other.ready(1)
        others_peer.send(b"x")
        self.loop.settle()
        self.assertEqual((others.data, others.heard, others.reason), (b"x", [], None))

    def test_paused_at_the_end(self) -> None:
        """An end that was read with the last bytes is told once reading goes on, and not before."""
        side, receiver, peer = self.make()

        def pause(data: bytes) -> None:
            side.pause_reading()

        self.patch(receiver, "data_received", lambda side, data: pause(data))
        side.resume_reading()
        peer.send(b"last")
        peer.say_end()
        self.loop.settle()
        self.assertEqual(receiver.heard, [])
        side.resume_reading()
        self.loop.settle()
        self.assertEqual(receiver.heard, ["read_ended"])

    def test_no_room_to_answer(self) -> None:
        """A peer that wants its KeyUpdate answered and reads nothing is lost: its socket would be
        readable, and nothing could be read, for as long as it likes.
        """
        side, receiver, peer = self.make()

        def answer(buffer: memoryview) -> int:
            raise SSL.WantWriteError

        self.patch(side.tls, "recv_into", answer)
        peer.send(b"x")
        side.resume_reading()
        self.loop.until(lambda: "lost" in receiver.heard, "the loss")
        self.assertEqual(receiver.reason, "TLS: there is no room for the answer to a KeyUpdate")

    def test_shown(self) -> None:
        """What it is shows."""
        side, _, _ = self.make()
        self.assertRegex(repr(side), r"<TlsSide fd=\d+ reading=PAUSED writing=OPEN>")
