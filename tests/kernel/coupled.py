"""Two coupled sockets, with the peers of both and a receiver that does what a connection's machine
would do at the least.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import Any, NamedTuple

from pipetwist.kernel.socket_side import SocketSide
from pipetwist.testing import RecordingReceiver, RecordingTracker
from tests.support.loop import KernelCase, take_all

__all__ = ["Coupled", "CoupledCase", "move"]


class Coupled(NamedTuple):
    """A connection: the client's side and its peer, the server's side and its peer, and who hears
    of the two sides.
    """

    client: SocketSide
    client_peer: socket.socket
    server: SocketSide
    server_peer: socket.socket
    client_heard: RecordingReceiver
    server_heard: RecordingReceiver

    @property
    def counted(self) -> tuple[int, int]:
        """What the client's tracker has counted, up and down."""
        tracker: Any = self.client.tracker
        return tracker.up, tracker.down

    @property
    def figures(self) -> tuple[int, int, int, int]:
        """What was received from the client and delivered to the server, and the other way."""
        return (
            self.client.received,
            self.server.delivered,
            self.server.received,
            self.client.delivered,
        )


class CoupledCase(KernelCase):
    """Tests of coupled sockets."""

    families = (socket.AF_UNIX, socket.AF_UNIX)

    def couple(self, *, reading: bool = True) -> Coupled:
        """Couple two sockets; the test's clean-up ends them."""
        near, client_peer = self.pair(self.families[0])
        far, server_peer = self.pair(self.families[1])
        client, server = (
            SocketSide(self.kernel, near, RecordingTracker()),
            SocketSide(self.kernel, far),
        )
        connection = Coupled(
            client, client_peer, server, server_peer, RecordingReceiver(), RecordingReceiver()
        )
        for side, heard in ((client, connection.client_heard), (server, connection.server_heard)):
            side.attach(heard)
            self.addCleanup(side.abort)
        client.carry_to(server)
        server.carry_to(client)
        if reading:
            client.resume_reading()
            server.resume_reading()
        return connection


def move(
    case: KernelCase, data: bytes, sender: socket.socket, reader: socket.socket, underway: int = 0
) -> bytes:
    """Send all of it, and take what comes at the other end, as fast as it goes; what came.

    Args:
        case: the test.
        data: what to send.
        sender: where.
        reader: where it is to come.
        underway: so much was sent before, and is to come first.
    """
    rest = memoryview(data)
    came = bytearray()
    for _ in case.loop.rounds("what was sent to come"):
        came += take_all(reader)
        if not rest and len(came) >= underway + len(data):
            break
        with contextlib.suppress(BlockingIOError):
            rest = rest[sender.send(rest) :]
        # A command, or TCP, may take a moment.
        readers: list[Any] = [reader, *case.loop.readers]
        select.select(readers, [sender] if rest else [], [], 0.1)
    return bytes(came)
