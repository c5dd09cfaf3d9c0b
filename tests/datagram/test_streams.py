"""Datagrams between sockets and what carries them framed."""

from __future__ import annotations

import socket
from typing import Any

from pipetwist.datagram.waiting import MAX_DATAGRAMS
from tests.support.datagram_case import DatagramCase
from tests.support.datagram_ends import FramedEnd


class FramedTest(DatagramCase):
    """A framed stream to UDP."""

    clients = "framed"

    def test_too_large(self) -> None:
        """A datagram that UDP can't carry is an error of the stream."""
        client = self.client()
        client.send(bytes(65_508))
        self.assertEqual(
            self.reason(), "client: a datagram of 65508 bytes, where 65507 can be carried"
        )

    def test_cut(self) -> None:
        """A stream that ends inside a datagram is an error; what was complete before it has gone
        on.
        """
        client = self.client()
        assert isinstance(client, FramedEnd)
        client.socket.sendall(b"\0\2hi\0\5hel")
        self.came(self.server, b"hi")
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(self.reason(), "client: the stream ended inside a datagram")

    def test_half_closed(self) -> None:
        """A client that has sent all it has still gets its answers."""
        client = self.client()
        client.send(b"question")
        self.came(self.server, b"question", others=(client,))
        client.socket.shutdown(socket.SHUT_WR)
        self.loop.settle()
        self.server.send(b"answer")
        self.came(client, b"answer")
        client.socket.close()
        self.reason()
        self.assertEqual(self.counted(), (8, 6))


class StreamServerTest(DatagramCase):
    """UDP to a server on a framed stream."""

    servers = "framed"

    def test_end(self) -> None:
        """A server that ends its direction, as one of DNS that hears nothing, ends the association;
        the next datagram opens one.
        """
        client = self.client()
        for number in range(2):
            client.send(b"question")
            server = self.accepted()
            self.came(server, b"question")
            server.send(b"answer")
            server.socket.shutdown(socket.SHUT_WR)
            self.came(client, b"answer")
            self.assertEqual(self.reason(number + 1), "server closed")
        self.assertEqual((self.open, self.inbound.associations, self.counted()), (0, 0, (16, 12)))

    def test_undelivered(self) -> None:
        """What a stream held when it broke is reported as dropped."""
        client, sent = self.client(), 0
        client.send(b"x")
        server = self.accepted()
        self.came(server, b"x")
        (connection,) = self.service.relay.connection_table.connections()
        side: Any = connection.server
        while side.moved == sent + 1:
            client.send(bytes(60_000))
            sent += 1
            self.loop.settle()
            self.assertLess(sent, MAX_DATAGRAMS)
        taken = side.moved
        server.socket.close()
        self.assertRegex(self.reason(), rf"^server: .*; {sent + 1 - taken} datagrams dropped$")


class CommandTest(DatagramCase):
    """UDP to a command."""

    servers = "fork"

    def test_command(self) -> None:
        """Each source has a command of its own, which ends with its association."""
        clients = [self.client(), self.client()]
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
            self.came(client, b"%d" % number)
        outbound = self.service.outbounds["out"]
        self.assertEqual(outbound.processes, 2)
        for _ in range(11):
            self.loop.advance(31)
        self.reason(2)
        self.loop.until(lambda: not outbound.processes, "the end of the commands")
