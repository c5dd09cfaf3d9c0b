"""A socket's side, its receiver and the peer."""

from __future__ import annotations

import socket
import struct

from pipetwist.kernel.socket_side import SocketSide
from pipetwist.testing import RecordingReceiver, RecordingTracker
from tests.support.loop import KernelCase, take_all

__all__ = ["SideCase"]

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: closing resets (socket(7))


class SideCase(KernelCase):
    """A side, its receiver, and the peer."""

    family = socket.AF_UNIX

    def setUp(self) -> None:
        """Attach a receiver to a side."""
        super().setUp()
        self.side, self.receiver, self.peer = self.make()

    def make(self, *, attached: bool = True) -> tuple[SocketSide, RecordingReceiver, socket.socket]:
        """One more side, its receiver and its peer; the test's clean-up ends it."""
        near, far = self.pair(self.family)
        side = SocketSide(self.kernel, near, RecordingTracker())
        self.addCleanup(side.abort)
        receiver = RecordingReceiver()
        if attached:
            side.attach(receiver)
        return side, receiver, far

    def read_on(self) -> None:
        """Read what there is."""
        self.side.resume_reading()
        self.loop.settle()

    def fill(self) -> bytes:
        """Write until the system takes no more, and somewhat beyond that; what was written."""
        block = bytes(range(256)) * 256
        written = b""
        for _ in self.loop.rounds("the system to take no more"):
            if self.side.writer.waiting:
                break
            self.side.write(block)
            written += block
        return written

    def take(self, written: bytes) -> None:
        """Let the peer take everything until all of this has come."""
        taken = b""
        for _ in self.loop.rounds("what was written"):
            taken += take_all(self.peer)
            if len(taken) >= len(written):
                break
        self.assertTrue(taken == written)

    def take_what_waits(self, *heard: str) -> bytes:
        """Let the peer take what there is until nothing waits any more; the receiver has heard this
        until then.
        """
        taken, writer = b"", self.side.writer
        for _ in self.loop.rounds("it to be delivered"):
            if not writer.queue:
                break
            self.assertEqual(self.heard(), list(heard))
            taken += take_all(self.peer)
        return taken + take_all(self.peer)

    def heard(self) -> list[str]:
        """What the receiver has heard, but for data."""
        return self.receiver.heard

    def reset(self) -> None:
        """The peer resets."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.peer.close()
