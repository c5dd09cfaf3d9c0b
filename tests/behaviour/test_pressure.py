"""Readers that are slow: what is sent waits at the sender, not in pipetwist, and nothing is
lost.
"""

from __future__ import annotations

import random

from tests.behaviour.case import PairCase
from tests.behaviour.pairs import SOME_PAIRS, over_pairs
from tests.behaviour.peer import Peer, is_endless
from tests.support.waiting import moments, turns

_BLOCK = random.Random(2).randbytes(100_000)
_REQUESTS = random.Random(3).randbytes(3_000_000)
_LOOK_SECONDS = 0.005
_LOOKS = 3

# What fits between a sender that is stopped and a reader that does not read: the kernel's buffers
# of two connections, and pipetwist's.
_MAX_SENT = 64_000_000
# What a connection may hold in pipetwist itself.
_MAX_HELD = 1_100_000


class _PressureCase(PairCase):
    async def stops(self, sender: Peer, reader: Peer) -> None:
        """Have one send and the other not read, until nothing moves any more."""
        reader.hold()
        sender.pour(_BLOCK)
        seen, looks = 0, 0
        while looks < _LOOKS:
            await moments(_LOOK_SECONDS)
            looks = looks + 1 if sender.sent == seen > 0 else 0
            seen = sender.sent
            self.assertLess(seen, _MAX_SENT)


@over_pairs()
class PressureTest(_PressureCase):
    """One end sends without an end, the other does not read."""

    async def test_server_is_slow(self) -> None:
        """A client is stopped while its server does not read, and nothing is lost when it reads
        on.
        """
        await self.begin()
        client, server = await self.connect()
        await self.stops(client, server)
        incoming, outgoing = self.sides()
        self.assertLess(incoming.received - outgoing.delivered, _MAX_HELD)
        await self._goes_on(client, server)

    async def test_client_is_slow(self) -> None:
        """A server is stopped while its client does not read, and nothing is lost when it reads
        on.
        """
        await self.begin()
        client, server = await self.connect()
        await self.stops(server, client)
        outgoing, incoming = self.sides()
        self.assertLess(incoming.received - outgoing.delivered, _MAX_HELD)
        await self._goes_on(server, client)

    async def test_client_reads_last(self) -> None:
        """A client that sends everything before it reads anything is not stopped by its own
        answers, and gets them whole.
        """
        await self.begin()
        client, server = await self.connect()
        await self.stops(server, client)
        client.send(_REQUESTS)
        await server.has(len(_REQUESTS))
        self.assertTrue(server.received == _REQUESTS)
        await self._goes_on(server, client)

    async def test_client_closes_while_it_is_stopped(self) -> None:
        """What a client sent before it closed arrives whole, though the server was not reading when
        it closed.
        """
        await self.begin()
        client, server = await self.connect()
        await self.stops(client, server)
        await self._closes(client, server)
        reason = await self.reason()
        # One that speaks TLS has no room for its close_notify.
        self.assertIn(reason, ("client closed", self.clients.reset, self.clients.cut_short))
        self.assertEqual(
            server.failure is not None,
            not reason.startswith("client closed") and self.pair.servers.hears_resets,
            server.failure,
        )

    async def test_server_closes_while_it_is_stopped(self) -> None:
        """What a server sent before it closed arrives whole, though the client was not reading when
        it closed.
        """
        await self.begin()
        client, server = await self.connect()
        await self.stops(server, client)
        await self._closes(server, client)
        reason = await self.reason()
        self.assertIn(reason, ("server closed", self.servers.reset, self.servers.cut_short))
        self.assertEqual(
            client.failure is not None,
            reason != "server closed" and self.pair.clients.has_resets,
            client.failure,
        )

    async def test_slow_server_closes(self) -> None:
        """A server that closes without having read ends the connection, though its client was
        stopped.
        """
        await self.begin()
        client, server = await self.connect()
        await self.stops(client, server)
        server.close()
        await client.end()
        client.close()
        self.assertIn("server", await self.reason())

    async def test_slow_client_closes(self) -> None:
        """A client that closes without having read ends the connection, though its server was
        stopped.
        """
        await self.begin()
        client, server = await self.connect()
        await self.stops(server, client)
        client.close()
        await server.end()
        server.close()
        self.assertIn("client", await self.reason())

    async def _goes_on(self, sender: Peer, reader: Peer) -> None:
        stopped_at = sender.sent
        reader.let_go()
        await reader.has(stopped_at + len(_BLOCK))
        sender.stop_pouring()
        await reader.has(sender.sent)
        self.assertTrue(is_endless(reader.received, _BLOCK, sender.sent))

    async def _closes(self, sender: Peer, reader: Peer) -> None:
        sender.stop_pouring()
        sender.close()
        await turns(20)
        reader.let_go()
        await reader.end()
        self.assertEqual(len(reader.received), sender.sent)
        self.assertTrue(is_endless(reader.received, _BLOCK, sender.sent))
        reader.close()


@over_pairs(SOME_PAIRS, lambda pair: pair.servers.is_seen_to_go)
class GoneServerTest(_PressureCase):
    """A server has gone, and what it has left behind is not read by anybody."""

    async def test_client_never_reads(self) -> None:
        """The connection is not kept for longer than one of which a direction has ended."""
        await self.begin(half_close_timeout=0.1)
        client, server = await self.connect()
        await self.stops(server, client)
        server.stop_pouring()
        server.close()
        self.assertIn("no byte moved for 0.1 s", await self.reason())


@over_pairs(SOME_PAIRS, lambda pair: pair.clients.is_seen_to_go)
class GoneClientTest(_PressureCase):
    """A client has gone, and what it has left behind is not read by anybody."""

    async def test_server_never_reads(self) -> None:
        """The connection is not kept for longer than one of which a direction has ended."""
        await self.begin(half_close_timeout=0.1)
        client, server = await self.connect()
        await self.stops(client, server)
        client.stop_pouring()
        client.close()
        self.assertIn("no byte moved for 0.1 s", await self.reason())
