"""Servers that are not there yet, where the outbound is to try again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.behaviour.case import PairCase
from tests.behaviour.clients import VsockClients
from tests.behaviour.pairs import SOME_PAIRS, Pair, over_pairs
from tests.behaviour.peer import Peer
from tests.behaviour.servers import (
    KernelTlsServers,
    TcpServers,
    TlsServers,
    UnixServers,
    VsockServers,
)
from tests.support.waiting import until

_MINUTE = 60.0


def _is_retried(pair: Pair) -> bool:
    return pair.servers in (UnixServers, TcpServers, TlsServers, KernelTlsServers, VsockServers)


@over_pairs(SOME_PAIRS, _is_retried)
class ConnectRetryTest(PairCase):
    """A server that comes late."""

    async def wait(self, connect_retry: float = _MINUTE) -> Peer:
        """Begin without a server, and have a client wait; returns once it was tried twice."""
        await self.begin(connect_retry=connect_retry)
        self.said = self.servers.refuse()
        client = await self.client()
        client.send(b"early")
        await until(lambda: self.tries() > 1, "the second try")
        return client

    def tries(self) -> int:
        """How many there were for the one connection."""
        found: list[Any] = self.service.relay.connection_table.connections()
        return found[0]._connecting.tries if found else 0

    async def test_served(self) -> None:
        """A client that connects before its server listens is served, with what it has sent, once
        the server listens.
        """
        client = await self.wait()
        self.servers.come_back()
        server = await self.server()
        await server.has(5)
        self.assertEqual(server.received, b"early")
        server.send(b"answer")
        await client.has(6)
        server.reset()
        client.reset()
        await self.line()

    async def test_no_file(self) -> None:
        """That there is no file yet is no different from that nobody has its socket."""
        client = await self.wait()
        if isinstance(self.servers, UnixServers):
            moved = Path(self.servers.path).rename(f"{self.servers.path}.moved")
            tries = self.tries()
            await until(lambda: self.tries() > tries + 1, "two more")
            moved.rename(self.servers.path)
        self.servers.come_back()
        server = await self.server()
        await server.has(5)
        server.reset()
        client.reset()
        await self.line()

    async def test_in_vain(self) -> None:
        """A client whose server does not come in the time is cut off, and the line says how often
        that was tried.
        """
        await self.begin(connect_retry=0.12)
        said = self.servers.refuse()
        client = await self.client()
        await client.end()
        line = await self.line()
        self.assertRegex(
            str(line["reason"]),
            rf"^cannot connect: .*{re.escape(said)}.*, after [0-9]+ tr(y|ies) in [0-9]+\.[0-9] s$",
        )
        self.assertGreaterEqual(line["seconds"], 0.11)
        self.assert_cut_off(client)

    async def test_client_goes(self) -> None:
        """A client who resets meanwhile ends it. Of vsock nobody can tell while it is not read."""
        if isinstance(self.clients, VsockClients):
            return
        client = await self.wait()
        client.reset()
        # Of a TCP client the kernel may say more than that.
        self.assertRegex(await self.reason(), "; the client has gone|^client: the connection was ")

    async def test_stop(self) -> None:
        """A stop ends it at once, and does not wait for the open connections' time."""
        client = await self.wait()
        await self.service.relay.drain(_MINUTE)
        self.assertRegex(await self.reason(), r" tries in [0-9.]+ s; pipetwist is stopping$")
        await client.end()
