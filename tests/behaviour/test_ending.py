"""How connections end: by half-closes, by closes, and rudely. Whatever was sent before arrives
first.
"""

from __future__ import annotations

import random

from tests.behaviour.case import PairCase
from tests.behaviour.commands import ForkServers
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.servers import UnixServers

_MUCH = random.Random(1).randbytes(1_000_000)


def _half_closes(pair: Pair) -> bool:
    return pair.clients.half_closes and pair.servers.half_closes


@over_pairs()
class ClosingTest(PairCase):
    """An end closes, or is gone."""

    async def test_nothing_said(self) -> None:
        """A client that connects and closes without a byte is an end of file to the server."""
        await self.begin()
        client, server = await self.connect()
        client.close()
        await server.end()
        server.close()
        line = await self.line()
        self.assertEqual(
            (server.received, line["uplink"], line["downlink"], line["reason"]),
            (b"", 0, 0, "client closed"),
        )

    async def test_client_closes_after_much(self) -> None:
        """What a client sent right before it closed arrives whole, and then the end of file.

        A TLS client has to have read the tickets that follow the handshake, or its system drops
        what it has not sent yet when it closes (RFC 1122, 4.2.2.13): the server says something
        first, which comes after them.
        """
        await self.begin()
        client, server = await self.connect()
        if not self.pair.clients.half_closes:
            server.send(b"hello")
            await client.has(5)
        client.send(_MUCH)
        client.close()
        await server.end()
        self.assertTrue(server.received == _MUCH)
        self.assertIsNone(server.failure)
        server.close()
        self.assertEqual(await self.reason(), "client closed")

    async def test_server_closes_after_much(self) -> None:
        """What a server sent right before it closed arrives whole, and then the end of file."""
        await self.begin()
        client, server = await self.connect()
        server.send(_MUCH)
        server.close()
        await client.end()
        self.assertTrue(client.received == _MUCH)
        self.assertIsNone(client.failure)
        client.close()
        self.assertEqual(await self.reason(), "server closed")

    async def test_server_closes_while_the_client_sends(self) -> None:
        """A server that closes while the client goes on sending ends the connection; what is lost,
        TCP or Twisted lost.

        TCP resets a connection that is closed with bytes unread (RFC 1122, 4.2.2.13). A Twisted
        transport that can't be written any more is closed with what is unread in it.
        """
        await self.begin()
        client, server = await self.connect()
        client.send(b"x")
        await server.has(1)
        client.pour(b"unheard" * 1000)
        server.send(_MUCH)
        server.close()
        await client.end()
        self.assertTrue(_MUCH.startswith(client.received))
        nothing_lost = issubclass(self.pair.servers, ForkServers) or (
            self.pair.servers is UnixServers and self.pair.transfer == "kernel"
        )
        if nothing_lost:
            self.assertEqual(len(client.received), len(_MUCH))
        client.close()
        self.assertIn("server", await self.reason())

    async def test_client_resets(self) -> None:
        """A client that is gone at once takes the connection with it, and the server learns of it,
        and how.
        """
        await self.begin()
        client, server = await self.connect()
        client.send(b"x")
        await server.has(1)
        client.reset()
        await server.end()
        self.assertEqual(
            server.failure is not None,
            self.pair.clients.has_resets
            and not self.pair.clients.is_seen_to_half_close
            and self.pair.servers.hears_resets,
            server.failure,
        )
        server.close()
        self.assertEqual(await self.reason(), self.clients.reset)

    async def test_server_resets(self) -> None:
        """A server that is gone at once takes the connection with it, and the client learns of it,
        and how.
        """
        await self.begin()
        client, server = await self.connect()
        server.send(b"x")
        await client.has(1)
        server.reset()
        await client.end()
        self.assertEqual(
            client.failure is not None,
            self.pair.clients.has_resets and self.pair.servers.has_resets,
            client.failure,
        )
        client.close()
        self.assertEqual(await self.reason(), self.servers.reset)


@over_pairs(fits=_half_closes)
class HalfClosingTest(PairCase):
    """An end has no more to say, and listens."""

    async def test_client_half_closes(self) -> None:
        """A client that has sent everything gets the whole answer to it."""
        await self.begin()
        client, server = await self.connect()
        client.send(_MUCH)
        client.finish()
        await server.end()
        self.assertTrue(server.received == _MUCH)
        self.assertFalse(client.ended)
        server.send(_MUCH[::-1])
        server.close()
        await client.end()
        self.assertTrue(client.received == _MUCH[::-1])
        self.assertIsNone(client.failure)
        client.close()
        self.assertEqual(await self.reason(), "client closed")

    async def test_server_half_closes(self) -> None:
        """A server that has said everything goes on listening to its client."""
        await self.begin()
        client, server = await self.connect()
        server.send(_MUCH)
        server.finish()
        await client.end()
        self.assertTrue(client.received == _MUCH)
        client.send(_MUCH[::-1])
        await server.has(len(_MUCH))
        self.assertFalse(server.ended)
        client.close()
        await server.end()
        self.assertTrue(server.received == _MUCH[::-1])
        server.close()
        self.assertEqual(await self.reason(), "server closed")

    async def test_both_half_close(self) -> None:
        """Both ends may half-close, one after the other, and nothing more is waited for."""
        await self.begin()
        client, server = await self.connect()
        client.finish()
        await server.end()
        server.finish()
        await client.end()
        client.close()
        server.close()
        self.assertEqual(await self.reason(), "client closed")


@over_pairs(fits=lambda pair: not _half_closes(pair))
class CloseNotifyTest(PairCase):
    """Half-closes where one end speaks TLS.

    Twisted answers a close_notify with its own and closes: an end of file that comes by TLS ends
    both directions. One that goes to a TLS peer is sent as close_notify, after which it is still
    listened to.
    """

    async def test_client_half_closes(self) -> None:
        """The server gets everything and an end of file; it is still heard where the client did not
        end both directions.
        """
        await self.begin()
        client, server = await self.connect()
        client.send(_MUCH)
        client.finish()
        await server.end()
        self.assertTrue(server.received == _MUCH)
        if self.pair.clients.half_closes:
            server.send(_MUCH[::-1])
            server.close()
            await client.end()
            self.assertTrue(client.received == _MUCH[::-1])
        client.close()
        server.close()
        self.assertEqual(await self.reason(), "client closed")

    async def test_server_half_closes(self) -> None:
        """The client gets everything and an end of file; it is still heard where the server did not
        end both directions.
        """
        await self.begin()
        client, server = await self.connect()
        server.send(_MUCH)
        server.finish()
        await client.end()
        self.assertTrue(client.received == _MUCH)
        if self.pair.servers.half_closes:
            client.send(_MUCH[::-1])
            await server.has(len(_MUCH))
            self.assertTrue(server.received == _MUCH[::-1])
        client.close()
        server.close()
        self.assertEqual(await self.reason(), "server closed")
