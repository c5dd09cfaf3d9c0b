"""What waits where there is no room, and what is dropped."""

from __future__ import annotations

import socket
from typing import Any

from pipetwist.datagram.framing import frame
from pipetwist.datagram.waiting import MAX_DATAGRAMS
from tests.support.datagram_case import DatagramCase


class CrowdedTest(DatagramCase):
    """A server that reads nothing: a unix socket takes a few datagrams and then no more."""

    servers = "unixgram"

    def test_waiting(self) -> None:
        """What the server does not take waits, in order, and goes on when it does."""
        client = self.client()
        for number in range(100):
            client.send(b"%d" % number)
        self.loop.until(lambda: self.open and self.counted()[0] == 190, "the datagrams to be read")
        self.came(self.server, *(b"%d" % number for number in range(100)))

    def test_dropped(self) -> None:
        """Beyond the bound the newest is dropped, and the log says how many; those are counted as
        read, and none is lost otherwise.
        """
        client, sent = self.client(), 0
        client.send(b"xx")
        self.loop.until(lambda: self.open, "the association")
        (connection,) = self.service.relay.connection_table.connections()
        while connection.dropped < 3:
            client.send(b"%06d" % sent)
            sent += 1
            self.loop.settle()
            self.assertLess(sent, 5 * MAX_DATAGRAMS)
        self.server.pump()
        self.loop.until(
            lambda: self.server.pump() or len(self.server.came) == sent - 2, "what was not dropped"
        )
        self.assertEqual(self.server.came[1:], [b"%06d" % number for number in range(sent - 3)])
        self.assertEqual(self.counted(), (2 + 6 * sent, 0))
        self.service.stopService()
        self.assertEqual(
            self.lines()[0]["reason"],
            "client: the inbound has stopped listening; 3 datagrams dropped",
        )

    def test_gone(self) -> None:
        """Where the server goes while datagrams wait for it, each of those is told of once."""
        client, sent = self.client(), 0
        client.send(b"x")
        self.loop.until(lambda: self.open, "the association")
        (connection,) = self.service.relay.connection_table.connections()
        server: Any = connection.server
        while len(server.outgoing or ()) < 3:
            client.send(b"y")
            sent += 1
            self.loop.settle()
            self.assertLess(sent, 5 * MAX_DATAGRAMS)
        self.server.socket.close()
        self.assertEqual(self.reason(), "server: Connection refused; 3 datagrams dropped")

    def test_too_large(self) -> None:
        """A datagram that is larger than the client's kind carries is dropped, and those around it
        are not.
        """
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        for size in (3, 65_508, 5):
            self.server.send(bytes(size))
        self.came(client, bytes(3), bytes(5))
        (connection,) = self.service.relay.connection_table.connections()
        self.assertEqual((connection.dropped, self.counted()), (1, (1, 8)))


class UnreadTest(DatagramCase):
    """An inbound that has no time to read."""

    def test_dropped_by_the_system(self) -> None:
        """What the system has no room for meanwhile is reported while the inbound listens, and
        nothing is left once it has stopped.
        """
        client = self.client()
        client.send(b"first")
        self.came(self.server, b"first")
        (listener,) = self.inbound._listeners
        # The least that there can be, socket(7)
        listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(100):
            client.send(bytes(1000))
        self.loop.settle()
        self.server.pump()
        came = len(self.server.came)
        self.assertGreater(came, 0)
        self.assertEqual(came + self.inbound.dropped, 100)
        self.assertGreater(self.inbound.dropped, 0)
        number = listener._socket.fileno()
        self.successResultOf(self.inbound.stopService())
        self.assertNotIn(number, self.service._kernel.poller._told)  # type: ignore[union-attr]  # it is there


class SinkTest(DatagramCase):
    """UDP to a command that answers nothing."""

    servers = "fork"

    @property
    def command(self) -> tuple[str, ...]:
        return ("/bin/sh", "-c", f"exec cat > {self.folder}/sunk")

    def test_output_closed(self) -> None:
        """A command that has closed its output goes on taking what comes."""
        client, sunk = self.client(), self.folder / "sunk"
        expected = b""
        for datagram in (b"one", b"two", b"three"):
            client.send(datagram)
            expected += frame(datagram)
            for _ in self.loop.rounds("the datagram in the file"):
                if sunk.exists() and sunk.read_bytes() == expected:
                    break
        self.assertEqual((self.open, self.service.outbounds["out"].processes), (1, 1))
