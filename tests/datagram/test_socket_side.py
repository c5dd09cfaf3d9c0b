"""A side that is a datagram socket to a server, on a poller."""

from __future__ import annotations

import errno
import os
import socket

from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.socket_side import DatagramSocketSide, dropped_by_kernel
from pipetwist.datagram.sockets import connect_datagram
from pipetwist.testing import RecordingReceiver
from tests.support.datagram_ends import datagram_socket
from tests.support.loop import KernelCase


class ServerTest(KernelCase):
    """A server that is there, and one that is there no more."""

    def setUp(self) -> None:
        """Make the side; nothing is read from it yet."""
        super().setUp()
        self.server = datagram_socket(socket.AF_INET, ("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        address = self.server.getsockname()
        self.side = DatagramSocketSide(
            DatagramContext(self.loop, self.kernel.poller),
            connect_datagram(socket.AF_INET, address, "server"),
        )
        self.addCleanup(self.side.abort)
        self.receiver = RecordingReceiver()
        self.side.attach(self.receiver)

    def figures(self) -> tuple[int, int, int, int]:
        """What the side says of itself: bytes of both ways, datagrams that moved, and those that
        were dropped.
        """
        return self.side.received, self.side.delivered, self.side.moved, self.side.dropped

    def test_shown(self) -> None:
        """It shows its descriptor and its halves."""
        self.assertEqual(
            repr(self.side),
            f"<DatagramSocketSide fd={self.side._socket.fileno()} reading=PAUSED writing=OPEN>",
        )
        self.side.close()
        self.assertEqual(repr(self.side), "<DatagramSocketSide reading=EOF writing=CLOSED>")

    def test_figures(self) -> None:
        """Its figures begin at 0, and an empty datagram has moved as any other."""
        self.assertEqual(self.figures(), (0, 0, 0, 0))
        for datagram in (b"", b"abc"):
            self.side.write(datagram)
        self.assertEqual(self.figures(), (0, 3, 2, 0))
        self.side.abort()
        self.side.write(b"late")
        self.assertEqual(self.figures(), (0, 3, 2, 1))

    def test_dropped_by_an_unknown_kernel(self) -> None:
        """If the system does not say what it has dropped, that is none."""

        class Silent:
            def getsockopt(self, *_: int) -> bytes:
                raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))

        self.assertEqual(dropped_by_kernel(Silent()), 0)  # type: ignore[arg-type]  # of a socket it has what is asked

    def test_not_reading(self) -> None:
        """Its refusal is reported while nothing is read, too: the other side may take its time."""
        self.server.close()
        self.side.write(b"anybody?")
        self.loop.settle()
        self.assertEqual(
            (self.receiver.heard, self.receiver.reason), (["lost"], "Connection refused")
        )

    def test_reading(self) -> None:
        """So it is while something is."""
        self.side.resume_reading()
        self.server.close()
        self.side.write(b"anybody?")
        self.loop.settle()
        self.assertEqual(
            (self.receiver.heard, self.receiver.reason), (["lost"], "Connection refused")
        )
