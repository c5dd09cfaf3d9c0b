"""Ends of input that are held back, since the side that they are for closes whole."""

from __future__ import annotations

import random

from pipetwist.connection.states import Phase
from tests.behaviour.case import PairCase
from tests.behaviour.pairs import SOME_PAIRS, Pair, over_pairs
from tests.support.waiting import until

_MUCH = random.Random(2).randbytes(1_000_000)


class _HeldCase(PairCase):
    async def half_closed(self) -> None:
        """Wait until the relay has read an end of file."""
        await until(
            lambda: (
                [
                    connection.phase
                    for connection in self.service.relay.connection_table.connections()
                ]
                == [Phase.HALF_CLOSED]
            ),
            "an end of file",
        )


@over_pairs(SOME_PAIRS, lambda pair: pair.clients.half_closes)
class HeldFromServerTest(_HeldCase):
    """A server that can't take an end of input while it still answers."""

    async def test_answer(self) -> None:
        """A client that has ended gets its answer, whole, of a server that is told of no end."""
        await self.begin(servers_half_close=False)
        client, server = await self.connect()
        client.send(b"question")
        client.finish()
        await server.has(8)
        await self.half_closed()
        server.send(_MUCH)
        await client.has(len(_MUCH))
        self.assertFalse(server.ended)
        server.close()
        await client.end()
        self.assertTrue(client.received == _MUCH)
        self.assertEqual((server.received, client.failure), (b"question", None))
        client.close()
        self.assertEqual(await self.reason(), "client closed")

    async def test_silence(self) -> None:
        """A server that says nothing for as long as it is given is cut off, as its client is."""
        await self.begin(servers_half_close=False, half_close_timeout=0.1)
        client, server = await self.connect()
        client.finish()
        await client.end()
        self.assertEqual(await self.reason(), "client closed; no byte moved for 0.1 s")
        self.assert_cut_off(client)
        await server.end()


def _seen_to_go(pair: Pair) -> bool:
    return pair.clients.is_seen_to_go


@over_pairs(SOME_PAIRS, _seen_to_go)
class GoneTest(_HeldCase):
    """A client that has gone, and is seen to have."""

    async def test_closed(self) -> None:
        """Nobody waits for an answer to a client that has closed."""
        await self.begin(servers_half_close=False)
        client, server = await self.connect()
        client.send(_MUCH)
        client.close()
        await server.end()
        self.assertTrue(server.received == _MUCH)
        server.close()
        self.assertEqual((await self.reason()).split(";")[0], "client closed")


@over_pairs(SOME_PAIRS, lambda pair: pair.clients.half_closes and pair.servers.half_closes)
class HeldFromClientTest(_HeldCase):
    """Clients that can't take an end of input while they still send."""

    async def test_rest(self) -> None:
        """What a client still sends arrives though the server has ended, and then both close."""
        await self.begin(clients_half_close=False)
        client, server = await self.connect()
        server.finish()
        await self.half_closed()
        client.send(_MUCH)
        await server.has(len(_MUCH))
        self.assertFalse(client.ended)
        client.close()
        await server.end()
        self.assertTrue(server.received == _MUCH)
        server.close()
        self.assertEqual(await self.reason(), "server closed")


@over_pairs(SOME_PAIRS)
class EndOfServerTest(_HeldCase):
    """The same clients, and servers that close."""

    async def test_told(self) -> None:
        """A client that says nothing more learns that the server has closed, in order."""
        await self.begin(clients_half_close=False, half_close_timeout=0.2)
        client, server = await self.connect()
        server.send(_MUCH)
        server.close()
        await client.end()
        self.assertTrue(client.received == _MUCH)
        self.assertIsNone(client.failure)
        client.close()
        line = await self.line()
        self.assertEqual(line["reason"], "server closed")
