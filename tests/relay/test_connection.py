"""What a connection moves between sides in memory, and how it ends."""

from __future__ import annotations

from pipetwist.connection.states import Phase
from pipetwist.testing import FakeOutbound, FakeSide
from tests.relay.connection_case import ConnectionTestCase


class BytesTest(ConnectionTestCase):
    """What moves, and how it ends."""

    def test_both_ways(self) -> None:
        """Bytes go both ways, in order."""
        server = self.open()
        for data in (b"a", b"b"):
            self.client.deliver(data)
            server.deliver(data.upper())
        self.assertEqual((server.written, self.client.written), (b"ab", b"AB"))

    def test_half_close(self) -> None:
        """An end of file goes on after what was sent, and the answer comes back whole."""
        server = self.open()
        self.client.deliver(b"question")
        self.client.end()
        self.assertEqual((server.written, server.asked[-1]), (b"question", "write_eof"))
        server.deliver(b"answer")
        server.end()
        self.assertEqual(self.client.written, b"answer")
        self.assertOver("client closed")

    def test_half_close_of_the_server(self) -> None:
        """The other way round it is the same."""
        server = self.open()
        server.deliver(b"banner")
        server.end()
        self.assertEqual((self.client.written, self.client.asked[-1]), (b"banner", "write_eof"))
        self.client.deliver(b"more")
        self.client.end()
        self.assertEqual(server.written, b"more")
        self.assertOver("server closed")

    def test_server_lost(self) -> None:
        """When the outbound's side is lost the client gets everything first, however long it
        takes.
        """
        server = self.open()
        self.client.stall()
        server.deliver(b"answer")
        server.lose()
        self.assertFalse(self.client.over)
        self.client.drain()
        self.assertEqual(self.client.delivered, 6)
        self.assertOver("server closed")

    def test_client_lost(self) -> None:
        """When the client is lost the outbound's side gets everything first, then nobody waits for
        it.
        """
        server = self.open()
        server.stall()
        self.client.deliver(b"last words")
        self.client.lose()
        self.assertFalse(server.over)
        server.drain()
        self.assertEqual((server.delivered, server.asked[-1]), (10, "disconnect"))
        self.assertOver("client closed")

    def test_peer_gone_while_held_back(self) -> None:
        """A peer that goes while it is held back is read to its end before it is over."""
        server = self.open()
        server.fill()
        self.client.deliver(b"last words")
        self.client.end()
        self.client.go()
        self.assertFalse(self.client.over)
        server.drain()
        self.assertEqual(server.written, b"last words")
        self.assertOver("client closed")

    def test_lingering(self) -> None:
        """It is over when the last side is."""
        server = self.open(lingers=True)
        self.client.lose()
        self.assertEqual((server.asked[-1], self.reasons), ("disconnect", []))
        server.lose()
        self.assertOver("client closed")

    def test_back_pressure(self) -> None:
        """A side that takes no more stops the other's reading, each for itself, until it takes
        everything.
        """
        server = self.open()
        server.fill()
        self.assertEqual((self.client.reading, server.reading), (False, True))
        self.client.fill()
        self.assertEqual((self.client.reading, server.reading), (False, False))
        server.drain()
        self.assertEqual((self.client.reading, server.reading), (True, False))
        self.client.drain()
        self.assertEqual((self.client.reading, server.reading), (True, True))

    def test_crowded_from_the_start(self) -> None:
        """If early data has filled a side's buffer, it gets no more when the sides are coupled."""

        class Early(FakeSide):
            """Hands on what has come although it is paused, as TLS does."""

            def attach(self, receiver: object) -> None:
                super().attach(receiver)  # type: ignore[arg-type]  # the base's interface is zope's
                self.receiver.data_received(self, b"early")

        class Small(FakeSide):
            """Takes nothing."""

            def write(self, data: bytes) -> None:
                super().write(data)
                self.fill()

        client, server = Early(), Small()
        connection = self.begin_with(client)
        outbound = FakeOutbound(delays=True)
        connection.open(outbound)
        outbound.connecting[0].callback(server)
        self.assertEqual(server.written, b"early")
        self.assertEqual((client.reading, server.reading), (False, True))
        server.drain()
        self.assertTrue(client.reading)
        self.assertIs(connection.phase, Phase.OPEN)
