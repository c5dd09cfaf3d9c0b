"""Connections to servers behind a proxy."""

from __future__ import annotations

import random
from typing import cast

from tests.behaviour.case import PairCase
from tests.behaviour.clients import TcpClients, UnixClients
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.proxied import (
    HttpProxies,
    HttpTlsProxies,
    ProxyServers,
    SocksProxies,
    SocksTlsProxies,
)
from tests.support.waiting import until

_MUCH = random.Random(3).randbytes(1_000_000)
_PROXIES = (SocksProxies, HttpProxies, SocksTlsProxies, HttpTlsProxies)
_PAIRS = (
    *(Pair(UnixClients, servers, "kernel") for servers in _PROXIES),
    *(Pair(UnixClients, servers, "stream") for servers in _PROXIES),
    Pair(TcpClients, SocksProxies, "kernel"),
)


def _plain(pair: Pair) -> bool:
    return pair.servers in (SocksProxies, HttpProxies)


class _ViaCase(PairCase):
    def setUp(self) -> None:
        super().setUp()
        self.proxies = cast("ProxyServers", self.servers)
        self.shown = f"via 127.0.0.1:{self.proxies.port}"


@over_pairs(_PAIRS)
class CarryingTest(_ViaCase):
    """Bytes arrive."""

    async def test_counted(self) -> None:
        """What is carried is counted to the byte, and what is said to the proxy is not."""
        await self.begin()
        client, server = await self.connect()
        client.send(_MUCH)
        await server.has(len(_MUCH))
        server.send(b"answer")
        await client.has(6)
        client.close()
        await server.end()
        server.close()
        line = await self.line()
        self.assertTrue(server.received == _MUCH)
        self.assertEqual(bytes(client.received), b"answer")
        self.assertEqual((line["uplink"], line["downlink"]), (len(_MUCH), 6))
        if not self.clients.user:
            self.assertIsNone(self.count("user", "alice"))
        for entity, name in (("inbound", "in"), ("outbound", "out")):
            self.assertEqual(self.count(entity, name), (len(_MUCH), 6))


@over_pairs(_PAIRS, lambda pair: _plain(pair) or pair.transfer == "kernel")
class HalfClosingTest(_ViaCase):
    """One direction ends."""

    async def test_answer(self) -> None:
        """A client that has ended gets its answer."""
        await self.begin()
        client, server = await self.connect()
        client.send(b"question")
        client.finish()
        await server.end()
        server.send(_MUCH)
        server.close()
        await client.end()
        self.assertTrue(client.received == _MUCH)
        client.close()
        self.assertEqual(await self.reason(), "client closed")


@over_pairs(_PAIRS, _plain)
class HandshakeTest(_ViaCase):
    """What the proxy says."""

    async def test_first_words(self) -> None:
        """What the server says in the same breath as the proxy is heard, and counted."""
        self.proxies.first_words = b"SSH-2.0-server\r\n"
        await self.begin()
        client, server = await self.connect()
        await client.has(16)
        self.assertEqual(bytes(client.received), b"SSH-2.0-server\r\n")
        client.close()
        await server.end()
        server.close()
        self.assertEqual((await self.line())["downlink"], 16)

    async def test_refused(self) -> None:
        """A proxy that refuses is the reason, in its words, and the client is cut off."""
        await self.begin()
        client = await self.client()
        accepted = await self.proxies.accepted()
        self.addCleanup(accepted.close)
        answer, sentence = self.proxies.refusal
        await self.proxies.talk(accepted, answer)
        await client.end()
        self.assert_cut_off(client)
        self.assertEqual(await self.reason(), f"cannot connect: {self.shown}: {sentence}")

    async def test_closed(self) -> None:
        """So is one that closes before it has answered."""
        await self.begin()
        client = await self.client()
        (await self.proxies.accepted()).close()
        await client.end()
        self.assertIn(
            await self.reason(),
            (
                f"cannot connect: {self.shown}: the proxy closed the connection in the handshake",
                f"cannot connect: {self.shown}: the proxy was lost: the connection was reset",
            ),
        )

    async def test_silent(self) -> None:
        """One that says nothing is waited for as long as connecting may take, and then left."""
        await self.begin(connect_timeout=0.2)
        client = await self.client()
        accepted = await self.proxies.accepted()
        self.addCleanup(accepted.close)
        await client.end()
        self.assertEqual(await self.reason(), "cannot connect: no answer for 0.2 s")

        def gone() -> bool:
            try:
                return not accepted.recv(65536)
            except BlockingIOError:
                return False

        await until(gone, "the end of the connection to the proxy")

    async def test_no_proxy(self) -> None:
        """Where no proxy is, that is told."""
        why = self.proxies.refuse()
        await self.begin()
        client = await self.client()
        await client.end()
        self.assertEqual(await self.reason(), f"cannot connect: {self.shown}: {why}")


@over_pairs(_PAIRS, lambda pair: pair.clients is TcpClients or pair.transfer == "stream")
class ProxyProtocolTest(_ViaCase):
    """With a header of the PROXY protocol for the server, which is another thing."""

    async def test_header(self) -> None:
        """The header comes after the proxy's reply, and before TLS; it is not counted either."""
        self.proxies.header = b"PROXY "
        await self.begin()
        client, server = await self.connect()
        self.assertTrue(self.proxies.header.endswith(b"\r\n"), self.proxies.header)
        client.send(b"question")
        await server.has(8)
        client.close()
        await server.end()
        server.close()
        self.assertEqual((await self.line())["uplink"], 8)
        self.assertEqual(self.count("outbound", "out"), (8, 0))


@over_pairs(_PAIRS, lambda pair: pair.servers is SocksProxies)
class RetryTest(_ViaCase):
    """A server that is not there yet."""

    async def test_tried_again(self) -> None:
        """Where the proxy says that nobody listens, it is asked again."""
        await self.begin(connect_retry=60.0)
        client = await self.client()
        accepted = await self.proxies.accepted()
        await self.proxies.talk(accepted, b"\5\5")
        accepted.close()
        server = await self.server()
        client.send(b"question")
        await server.has(8)
        client.close()
        await server.end()
        server.close()
        self.assertEqual(await self.reason(), "client closed")
