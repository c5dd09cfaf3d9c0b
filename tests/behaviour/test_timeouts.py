"""Connections in which no byte moves."""

from __future__ import annotations

from tests.behaviour.case import PairCase
from tests.behaviour.commands import ForkServers
from tests.behaviour.pairs import SOME_PAIRS, over_pairs
from tests.behaviour.peer import Peer


class _TimeoutCase(PairCase):
    async def _client_and_servers(self) -> tuple[Peer, list[Peer]]:
        client = await self.client()
        # A command may be ended before it has got as far as to be played; that none is left the
        # clean-up sees.
        return client, [] if issubclass(self.pair.servers, ForkServers) else [await self.server()]


@over_pairs(SOME_PAIRS)
class IdleTimeoutTest(_TimeoutCase):
    """Connections that are open both ways."""

    async def test_idle(self) -> None:
        """A connection without a byte for as long as the inbound allows is closed at both ends."""
        await self.begin(idle_timeout=0.1)
        client, servers = await self._client_and_servers()
        await client.end()
        line = await self.line()
        self.assertEqual(line["reason"], "no byte moved for 0.1 s")
        self.assertGreaterEqual(line["seconds"], 0.1)
        for server in servers:
            await server.end()
        self.assert_cut_off(client, *servers)


@over_pairs(SOME_PAIRS, lambda pair: pair.clients.half_closes)
class HalfCloseTimeoutTest(_TimeoutCase):
    """Connections of which one direction has ended."""

    async def test_silence_after_half_close(self) -> None:
        """After one direction has ended the other is closed once no byte moves for the time that it
        is given.
        """
        await self.begin(half_close_timeout=0.1)
        client, servers = await self._client_and_servers()
        client.finish()
        await client.end()
        self.assertEqual(await self.reason(), "client closed; no byte moved for 0.1 s")
        self.assert_cut_off(client)
        for server in servers:
            await server.end()
