"""What is under way to a TCP peer is waited for, as long as the peer takes some of it."""

from __future__ import annotations

import contextlib
import socket
import sys

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.transfer import acknowledgement
from pipetwist.transfer.acknowledgement import PATIENCE_SECONDS, Acknowledgement
from pipetwist.transfer.socket_state import left_error, unacknowledged, unread


class AcknowledgementTest(SynchronousTestCase):
    """A wait, of which the test says how much is under way."""

    def setUp(self) -> None:
        """Begin with a megabyte."""
        self.clock = Clock()
        self.left = 1_000_000
        self.patch(acknowledgement, "unacknowledged", lambda _: self.left)
        self.done: list[float] = []
        self.waiting = Acknowledgement(
            self.clock, 99, lambda: self.done.append(self.clock.seconds())
        )

    def test_nothing_under_way(self) -> None:
        """If nothing is it is over at once."""
        self.left = 0
        self.waiting.wait()
        self.assertEqual((self.done, self.clock.getDelayedCalls()), ([0], []))

    def test_shown(self) -> None:
        """It shows whose socket it looks at, and how much is left."""
        self.waiting.wait()
        self.assertEqual(repr(self.waiting), "<Acknowledgement fd=99 1000000 bytes left>")
        self.waiting.cancel()
        self.assertEqual(repr(self.waiting), "<Acknowledgement fd=99 over>")

    def test_soon(self) -> None:
        """It is over soon after everything is acknowledged."""
        self.waiting.wait()
        self.clock.advance(0.001)
        self.assertEqual(self.done, [])
        self.left = 0
        self.clock.pump([0.001] * 200)
        self.assertEqual(len(self.done), 1)
        self.assertLess(self.done[0], 0.2)

    def test_slow_peer(self) -> None:
        """A peer that takes a little now and then gets all of it, however long that takes."""
        self.waiting.wait()
        while self.left:
            self.assertEqual(self.done, [])
            self.left -= 100_000
            self.clock.pump([0.1] * 15)
        self.assertEqual(len(self.done), 1)
        self.assertGreater(self.clock.seconds(), 10)

    def test_peer_that_stands_still(self) -> None:
        """One that takes nothing is not waited for any longer."""
        self.waiting.wait()
        self.clock.pump([0.05] * 100)
        self.assertEqual(len(self.done), 1)
        self.assertGreaterEqual(self.done[0], PATIENCE_SECONDS)
        self.assertLess(self.done[0], PATIENCE_SECONDS + 0.2)

    def test_cancelled(self) -> None:
        """What is of no interest any more leaves nothing on the clock."""
        self.waiting.wait()
        self.waiting.cancel()
        self.waiting.cancel()
        self.assertEqual((self.done, self.clock.getDelayedCalls()), ([], []))


class SocketStateTest(SynchronousTestCase):
    """What the kernel says of sockets."""

    if sys.platform != "linux":
        skip = "only Linux says it"

    def setUp(self) -> None:
        """Connect two over TCP."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.near = socket.create_connection(listening.getsockname())
            self.far, _ = listening.accept()
        self.addCleanup(self.near.close)
        self.addCleanup(self.far.close)

    def test_unread(self) -> None:
        """What has come and was not read is known to the byte."""
        self.assertEqual(unread(self.near.fileno()), 0)
        self.far.sendall(b"hello")
        self.near.recv(1)
        self.assertEqual(unread(self.near.fileno()), 4)

    def test_unacknowledged(self) -> None:
        """What a peer has no room for is under way."""
        self.near.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += self.near.send(bytes(1 << 20))
        self.assertGreater(unacknowledged(self.near.fileno()), 0)
        self.assertLessEqual(unacknowledged(self.near.fileno()), sent)

    def test_no_socket(self) -> None:
        """Of what is no socket nothing is under way."""
        self.assertEqual(unacknowledged(-1), 0)

    def test_error(self) -> None:
        """A reset is reported once; a socket without one, or that is no TCP socket, has left
        none.
        """
        self.assertIsNone(left_error(self.near))
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.far.close()
        error = left_error(self.near)
        self.assertIsInstance(error, ConnectionResetError)
        self.assertIsNone(left_error(self.near))
        for one in socket.socketpair():
            self.addCleanup(one.close)
            self.assertIsNone(left_error(one))
