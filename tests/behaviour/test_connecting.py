"""Connecting that comes to nothing: the client is closed, and the log says why."""

from __future__ import annotations

from tests.behaviour.case import PairCase
from tests.behaviour.pairs import SOME_PAIRS, over_pairs
from tests.support.waiting import until


@over_pairs(SOME_PAIRS)
class RefusedTest(PairCase):
    """Nobody is there."""

    async def test_refused(self) -> None:
        """A client whose outbound can't be connected is cut off, and the reason says what the
        system said.
        """
        await self.begin()
        said = self.servers.refuse()
        client = await self.client()
        await client.end()
        self.assertEqual(client.received, b"")
        line = await self.line()
        self.assertTrue(str(line["reason"]).startswith("cannot connect: "), line["reason"])
        self.assertIn(said, line["reason"])
        self.assertEqual((line["uplink"], line["downlink"]), (0, 0))
        self.assert_cut_off(client)

    async def test_next_after_refused(self) -> None:
        """A connection that failed changes nothing for the one that is open."""
        await self.begin()
        client, server = await self.connect()
        self.servers.refuse()
        await (await self.client()).end()
        await self.line()
        client.send(b"still here")
        await server.has(10)


@over_pairs(SOME_PAIRS, lambda pair: pair.servers.can_keep_waiting)
class UnansweredTest(PairCase):
    """Nobody answers."""

    async def test_time_out(self) -> None:
        """A client whose outbound does not answer is cut off after the time-out."""
        await self.begin(connect_timeout=0.1)
        self.servers.keep_waiting()
        client = await self.client()
        client.send(b"hello")
        await client.end()
        line = await self.line()
        self.assertEqual(line["reason"], "cannot connect: no answer for 0.1 s")
        self.assertGreaterEqual(line["seconds"], 0.09)
        # Of a unix socket it can be seen where something was unread, and else not.
        if self.pair.clients.has_resets:
            self.assert_cut_off(client)

    async def test_client_closes_meanwhile(self) -> None:
        """A client that resets before its outbound has answered is let go at the time-out at the
        latest.
        """
        await self.begin(connect_timeout=0.1)
        self.servers.keep_waiting()
        client = await self.client()
        await until(lambda: self.service.relay.open_connections, "the connection to be accepted")
        client.reset()
        await self.line()
