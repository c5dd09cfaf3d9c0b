"""Answers that a client does not read: they wait, and are delivered, or reported as dropped."""

from __future__ import annotations

import socket
from typing import Any

from pipetwist.datagram.waiting import MAX_DATAGRAMS
from pipetwist.transfer import lingering
from tests.support.datagram_case import DatagramCase
from tests.support.datagram_ends import DatagramServer, abstract, datagram_socket


class SlowClientTest(DatagramCase):
    """A client that reads nothing: its unix socket takes a few answers and then no more."""

    clients = "unixgram"

    def setUp(self) -> None:
        """Have some answers wait for it."""
        super().setUp()
        opened = datagram_socket(socket.AF_UNIX, abstract(self.folder / "slow"))
        self.addCleanup(opened.close)
        # Not connected: only then a few answers are all that the system keeps for it (unix(7)).
        self.slow, self.answers = DatagramServer(opened), 0
        self.slow.peer = str(self.folder / "in")
        self.slow.send(b"x")
        self.came(self.server, b"x")
        (self.connection,) = self.service.relay.connection_table.connections()
        client: Any = self.connection.client
        while len(client.outgoing or ()) < 3:
            self.server.send(b"%06d" % self.answers)
            self.answers += 1
            self.loop.settle()
            self.assertLess(self.answers, 5 * MAX_DATAGRAMS)
        self.assertEqual(self.counted(), (1, 6 * (self.answers - 3)))

    def test_waiting(self) -> None:
        """What it does not take waits, in order, and comes when it reads on."""
        self.came(self.slow, *(b"%06d" % number for number in range(self.answers)))
        self.assertEqual((self.counted(), self.connection.dropped), ((1, 6 * self.answers), 0))

    def test_server_gone(self) -> None:
        """What waits is delivered after the server has gone."""
        self.patch(lingering, "LINGER_SECONDS", 3600.0)  # however long this takes
        self.server.socket.close()
        self.slow.give(b"nobody hears this")  # and takes nothing, as `send` would
        self.loop.until(lambda: self.connection.reason, "the refusal")
        self.assertEqual((self.inbound.associations, self.open), (0, 1))
        self.came(self.slow, *(b"%06d" % number for number in range(self.answers)))
        self.assertEqual(self.reason(), "server: Connection refused")

    def test_never_read(self) -> None:
        """It is not waited for any longer than a moment, and what it did not take is reported as
        dropped.
        """
        self.server.socket.close()
        self.slow.give(b"nobody hears this")
        self.loop.until(lambda: self.connection.reason, "the refusal")
        for _ in range(5):
            self.loop.advance(0.5)
        self.assertEqual(self.reason(), "server: Connection refused; 3 datagrams dropped")
        self.assertEqual((self.open, self.counted()), (0, (18, 6 * (self.answers - 3))))
