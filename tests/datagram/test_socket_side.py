"""A side that is a datagram socket to a server, on a poller."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from zope.interface import implementer

from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.socket_side import DatagramSocketSide, dropped_by_kernel
from pipetwist.datagram.sockets import connect_datagram
from pipetwist.interfaces import IFlow
from pipetwist.kernel.poller import IN
from pipetwist.testing import RecordingReceiver
from tests.support.datagram_ends import datagram_socket
from tests.support.loop import KernelCase


@implementer(IFlow)
class _Flow:
    """Grants what the test says.

    Args:
        granted: so much; nothing where it waits.
    """

    bearer: Any = None
    held_by = ""

    def __init__(self, granted: int) -> None:
        self.waits = not granted
        self.taken = 0
        self.moved = 0
        self._granted = granted

    def take(self) -> int:
        self.taken += 1
        return self._granted

    def settle(self, granted: int, moved: int) -> None:
        self.moved += moved

    def lend(self, granted: int) -> None:
        self.moved -= granted

    def charge(self, moved: int) -> None:
        self.moved += moved

    def allow(self, came: int, expected: int = 0) -> int:
        return came

    def wait(self) -> None:
        self.waits = True

    def leave(self) -> None:
        self.waits = False


class _Growing:
    """A batch of a socket in which large datagrams follow one small one."""

    count = 64
    max_bytes = 1 << 16
    cut: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def receive(self, opened: socket.socket, *, connected: bool, most: int) -> int:
        size = self.max_bytes if self.lengths else 1
        self.lengths = [size] * min(most, self.count)
        return len(self.lengths)

    def data(self, index: int) -> bytes:
        """One of them."""
        return bytes(self.lengths[index])


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

    def test_waits_for_its_turn(self) -> None:
        """One that waits for its turn is told of a refusal, and asks for no other turn then: it
        would stand in two queues.
        """
        flow = _Flow(0)
        self.side.resume_reading()
        self.side.limit(flow, since_start=False)
        self.server.close()
        self.side.write(b"anybody?")
        self.loop.settle()
        self.assertEqual((self.receiver.heard, flow.taken), (["lost"], 0))

    def test_growing(self) -> None:
        """Of datagrams that grow no more than half a MiB is read beyond what was granted, and one
        of them.
        """
        self.side.resume_reading()
        flow = _Flow(100_000)
        self.side.limit(flow, since_start=False)
        side: Any = self.side
        side._batch = _Growing()
        side.ready(IN)
        self.assertGreaterEqual(flow.moved, 100_000)
        self.assertLessEqual(flow.moved, 100_000 + (1 << 19) + (1 << 16))
