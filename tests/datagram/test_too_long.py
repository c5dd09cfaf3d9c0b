"""Datagrams that are longer than there is room for: they are dropped whole, and told of."""

from __future__ import annotations

from pipetwist.datagram import context
from tests.support.datagram_case import DatagramCase

_LONG = b"x" * 101


class TooLongTest(DatagramCase):
    """Unix datagram sockets on a system whose largest datagram is said to have 100 bytes."""

    clients = "unixgram"
    servers = "unixgram"

    def setUp(self) -> None:
        """Start the services there."""
        self.patch(context, "max_unix_bytes", lambda: 100)
        super().setUp()

    def dropped(self) -> int:
        """How many the one connection has dropped."""
        (connection,) = self.service.relay.connection_table.connections()
        return connection.dropped

    def test_from_a_client(self) -> None:
        """Of what a client sends at once those that fit come through, be the first among them or
        not.
        """
        client = self.client()
        for datagram in (b"one", _LONG, b"two", _LONG):
            client.send(datagram)
        self.came(self.server, b"one", b"two")
        self.assertEqual((self.dropped(), self.counted()), (2, (6, 0)))
        for datagram in (_LONG, bytes(100)):
            client.send(datagram)
        self.came(self.server, bytes(100))
        self.assertEqual((self.dropped(), self.counted()), (3, (106, 0)))

    def test_first(self) -> None:
        """A source whose first datagram is too long is admitted, and the next comes through."""
        client = self.client()
        client.send(_LONG)
        client.send(b"fits")
        self.came(self.server, b"fits")
        self.assertEqual((self.dropped(), self.counted()), (1, (4, 0)))

    def test_from_a_server(self) -> None:
        """So it is with what a server answers."""
        client = self.client()
        client.send(b"?")
        self.came(self.server, b"?")
        for datagram in (_LONG, b"one", _LONG, bytes(100)):
            self.server.send(datagram)
        self.came(client, b"one", bytes(100))
        self.assertEqual((self.dropped(), self.counted()), (2, (1, 103)))


class PlainTooLongTest(TooLongTest):
    """The same on what every system has."""

    plain = True
