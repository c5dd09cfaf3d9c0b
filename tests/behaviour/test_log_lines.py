"""What is reported of a connection: its line in the log, and the counters."""

from __future__ import annotations

import random
import re
from typing import Any

from twisted.protocols.policies import ProtocolWrapper

from pipetwist.kernel.socket_side import SocketSide
from pipetwist.stats.counting import CountingProtocol
from tests.behaviour.case import PairCase
from tests.behaviour.pairs import over_pairs
from tests.support.waiting import until

_UP = random.Random(3).randbytes(100_000)
_DOWN = random.Random(4).randbytes(150_000)

_LINE = re.compile(
    r"(?P<id>\d+) in -> out(?:\[\d+\])? user=(?P<user>\S+) peer=(?P<peer>.+?) "
    r"(?P<seconds>\d+\.\d{3})s up=(?P<up>\d+) down=(?P<down>\d+): (?P<reason>.+)"
)


@over_pairs()
class AccountsTest(PairCase):
    """A connection with some bytes each way."""

    async def test_line(self) -> None:
        """A finished connection leaves one line with its number, tags, user, peer, time, bytes and
        reason.
        """
        await self.begin()
        await self._talk()
        line = await self.line()
        told = _LINE.fullmatch(str(line["text"]))
        assert told is not None, line["text"]
        self.assertEqual(
            (told["id"], told["up"], told["down"]), ("1", str(len(_UP)), str(len(_DOWN)))
        )
        self.assertEqual(told["user"], self.clients.user or "-")
        self.assertRegex(told["peer"], r"pid:\d+ uid:\d+ gid:\d+|127\.0\.0\.1:\d+|vsock:1:\d+")
        self.assertEqual(told["reason"], "client closed")
        self.assertEqual(self.lines.waiting, [])

    async def test_counters(self) -> None:
        """The counters of the inbound, the outbound and the user equal what the ends sent and got,
        over several connections.
        """
        await self.begin()
        self.assertIsNone(self.count("inbound", "in"))
        for _ in range(2):
            await self._talk()
            await self.line()
        counted = (2 * len(_UP), 2 * len(_DOWN))
        self.assertEqual(self.count("inbound", "in"), counted)
        self.assertEqual(self.count("outbound", "out"), counted)
        self.assertEqual(self.count("user", "alice"), counted if self.clients.user else None)

    async def test_still_open(self) -> None:
        """What has passed is counted while the connection is open, and not only at its end."""
        await self.begin()
        client, server = await self.connect()
        client.send(_UP)
        await server.has(len(_UP))
        server.send(_DOWN)
        await client.has(len(_DOWN))
        await until(
            lambda: self.count("inbound", "in") == (len(_UP), len(_DOWN)), "it to be counted"
        )
        self.assertEqual(len(self.service.relay.connection_table), 1)

    async def test_untracked(self) -> None:
        """A connection of which nothing is counted passes unwrapped, and its line has the figures
        all the same.
        """
        await self.begin(tracked=False)
        client, server = await self.connect()
        client.send(b"x")
        await server.has(1)
        self.assertFalse(self._is_counted())
        client.close()
        await server.end()
        server.close()
        self.assertEqual((await self.line())["uplink"], 1)
        self.assertEqual(self.service.store.counters(), [])

    async def test_tracked(self) -> None:
        """A connection of which something is counted is counted at its client's side."""
        await self.begin()
        await self.connect()
        self.assertTrue(self._is_counted())

    async def _talk(self) -> None:
        client, server = await self.connect()
        client.send(_UP)
        await server.has(len(_UP))
        server.send(_DOWN)
        await client.has(len(_DOWN))
        client.close()
        await server.end()
        server.close()

    def _is_counted(self) -> bool:
        side: Any = self.sides()[0]
        if isinstance(side, SocketSide):
            return side.tracker is not None
        layer, layers = side.transport, []
        while isinstance(layer, ProtocolWrapper):
            layers.append(type(layer))
            layer = layer.transport
        return CountingProtocol in layers
