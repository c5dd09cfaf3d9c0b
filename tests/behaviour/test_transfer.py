"""What is sent arrives, whoever sends it, and however much it is."""

from __future__ import annotations

import random
import socket
from typing import Any

from tests.behaviour.case import PairCase
from tests.behaviour.clients import EndpointTcpClients, KernelTlsClients, TcpClients, TlsClients
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.servers import EndpointTcpServers, KernelTlsServers, TcpServers, TlsServers

_TCP = (
    *(TcpClients, TlsClients, KernelTlsClients, EndpointTcpClients),
    *(TcpServers, TlsServers, KernelTlsServers, EndpointTcpServers),
)
_MUCH = random.Random(0).randbytes(2_000_000)


@over_pairs()
class CarryingTest(PairCase):
    """Bytes arrive."""

    async def test_both_ways(self) -> None:
        """What the client says comes to the server, and the answer to the client, again and
        again.
        """
        await self.begin()
        client, server = await self.connect()
        for number in range(3):
            client.send(b"question %d" % number)
            await server.has(10 * (number + 1))
            server.send(b"answer %d" % number)
            await client.has(8 * (number + 1))
        self.assertEqual(bytes(server.received), b"question 0question 1question 2")
        self.assertEqual(bytes(client.received), b"answer 0answer 1answer 2")

    async def test_server_speaks_first(self) -> None:
        """A server that speaks before its client is heard."""
        await self.begin()
        client, server = await self.connect()
        server.send(b"welcome")
        await client.has(7)
        self.assertEqual(bytes(client.received), b"welcome")

    async def test_much_up(self) -> None:
        """Megabytes from the client arrive whole."""
        await self.begin()
        client, server = await self.connect()
        client.send(_MUCH)
        await server.has(len(_MUCH))
        self.assertTrue(server.received == _MUCH)

    async def test_much_down(self) -> None:
        """Megabytes from the server arrive whole."""
        await self.begin()
        client, server = await self.connect()
        server.send(_MUCH)
        await client.has(len(_MUCH))
        self.assertTrue(client.received == _MUCH)

    async def test_much_both_ways(self) -> None:
        """Megabytes both ways at once arrive whole."""
        await self.begin()
        client, server = await self.connect()
        client.send(_MUCH)
        server.send(_MUCH[::-1])
        await server.has(len(_MUCH))
        await client.has(len(_MUCH))
        self.assertTrue(server.received == _MUCH)
        self.assertTrue(client.received == _MUCH[::-1])

    async def test_several_at_once(self) -> None:
        """Connections at the same time are kept apart."""
        await self.begin()
        pairs = [await self.connect() for _ in range(3)]
        for number, (client, server) in enumerate(pairs):
            client.send(b"up %d" % number)
            server.send(b"down %d" % number)
        for number, (client, server) in enumerate(pairs):
            await server.has(4)
            await client.has(6)
            self.assertEqual(
                (bytes(server.received), bytes(client.received)),
                (b"up %d" % number, b"down %d" % number),
            )


def _has_tcp(pair: Pair) -> bool:
    return any(kind in _TCP for kind in (pair.clients, pair.servers))


@over_pairs(fits=_has_tcp)
class DelayTest(PairCase):
    """TCP on one side or on both."""

    async def test_nothing_is_held_back(self) -> None:
        """What is small is sent on at once: TCP does not wait for more of it (RFC 896)."""
        await self.begin()
        await self.connect()
        sockets = [found for side in self.sides() for found in _sockets(side)]
        self.assertEqual(
            len(sockets), sum(kind in _TCP for kind in (self.pair.clients, self.pair.servers))
        )
        for connected in sockets:
            self.assertTrue(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def _sockets(side: Any) -> list[socket.SocketType]:
    """The TCP socket that a side is, if it is one."""
    found = getattr(side, "socket", None) or getattr(
        getattr(side, "transport", None), "socket", None
    )
    return (
        [found] if isinstance(found, socket.SocketType) and found.family == socket.AF_INET else []
    )
