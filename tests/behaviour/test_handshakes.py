"""Outbounds with TLS: a server is connected when the handshake is over, and not before."""

from __future__ import annotations

import socket

from tests.behaviour.case import PairCase
from tests.behaviour.clients import KernelTlsClients, TlsClients, UnixClients
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.servers import KernelTlsServers, TlsServers, UnixServers, shake_hands
from tests.support.shared_certificates import stranger_context
from tests.support.waiting import turns, until


@over_pairs(
    (Pair(UnixClients, TlsServers, "stream"), Pair(UnixClients, KernelTlsServers, "kernel"))
)
class HandshakeTest(PairCase):
    """A unix client, and a server that should speak TLS."""

    async def test_silent(self) -> None:
        """A server that accepts and then says nothing is waited for until the time-out."""
        await self.begin(connect_timeout=0.1)
        client = await self.client()
        client.send(b"secret")
        await client.end()
        line = await self.line()
        self.assertEqual(line["reason"], "cannot connect: no answer for 0.1 s")
        self.assertEqual(line["uplink"], 0)

    async def test_stranger(self) -> None:
        """A server whose certificate nobody trusts gets nothing, and the reason says so."""
        await self.begin()
        client = await self.client()
        client.send(b"secret")
        accepted = await self._accepted()
        with self.assertRaises(OSError):
            await shake_hands(accepted, stranger_context())
        await client.end()
        line = await self.line()
        self.assertRegex(
            line["reason"], r"cannot connect: 127\.0\.0\.1:\d+: TLS: certificate verify failed"
        )
        self.assertEqual(line["uplink"], 0)

    async def test_closed(self) -> None:
        """A server that closes before the handshake is over is none."""
        await self.begin()
        client = await self.client()
        (await self._accepted()).close()
        await client.end()
        self.assertRegex(
            await self.reason(),
            r"cannot connect: 127\.0\.0\.1:\d+: the connection was lost in the TLS handshake",
        )

    async def test_client_gone_meanwhile(self) -> None:
        """A client that gives up during the handshake takes the server's connection with it once
        the time is up.
        """
        await self.begin(connect_timeout=2)
        client = await self.client()
        accepted = await self._accepted()
        client.close()
        # The kernel's sides are not watched before there is something to do with them.
        left = "no answer for 2 s" if self.pair.transfer == "kernel" else "client"
        self.assertIn(left, await self.reason())
        await until(lambda: _has_ended(accepted), "the end of the server's connection")

    async def _accepted(self) -> socket.socket:
        assert isinstance(self.servers, TlsServers)
        accepted = await self.servers.accepted()
        self.addCleanup(accepted.close)
        return accepted


@over_pairs(
    (Pair(TlsClients, UnixServers, "stream"), Pair(KernelTlsClients, UnixServers, "kernel"))
)
class InboundHandshakeTest(PairCase):
    """An inbound with TLS, and a client that says nothing."""

    async def test_stop(self) -> None:
        """A client that has not come in yet is not waited for when pipetwist stops, and nothing of
        it is left.
        """
        await self.begin()
        assert isinstance(self.clients, TlsClients)
        client = socket.create_connection(("127.0.0.1", self.clients.port))
        self.addCleanup(client.close)
        client.setblocking(False)
        await turns(20)
        await self.service.stopService()
        await until(lambda: _has_ended(client), "the end of the client's connection")


def _has_ended(connected: socket.socket) -> bool:
    try:
        return not connected.recv(65536)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
