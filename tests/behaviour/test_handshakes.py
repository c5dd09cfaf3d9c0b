"""Outbounds with TLS: a server is connected when the handshake is over, and not before."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from twisted.logger import LogEvent, globalLogPublisher

from tests.behaviour.case import PairCase
from tests.behaviour.channels import TlsChannel
from tests.behaviour.clients import KernelTlsClients, TlsClients, UnixClients
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.servers import KernelTlsServers, TlsServers, UnixServers, shake_hands
from tests.support.shared_certificates import (
    EXPIRED,
    MISNAMED,
    SERVER_NAME,
    STRANGER,
    client_context,
    server_context,
)
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

    async def test_untrusted(self) -> None:
        """A server whose certificate nobody trusts, whose is not valid any more, or whose is of
        another name, gets nothing of the client's, and the reason says why.
        """
        await self.begin()
        for shown, fault in (
            (STRANGER, "certificate verify failed"),
            (EXPIRED, "certificate verify failed"),
            (MISNAMED, "the server's certificate is not of the name that it was asked for"),
        ):
            client = await self.client()
            client.send(b"secret")
            accepted = await self._accepted()
            with self.assertRaises(OSError):
                await shake_hands(accepted, server_context(shown))
            await client.end()
            line = await self.line()
            self.assertRegex(line["reason"], rf"^cannot connect: 127\.0\.0\.1:\d+: TLS: {fault}$")
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
    """An inbound with TLS that asks for a certificate, and a client that does not come in."""

    async def test_untrusted(self) -> None:
        """A client whose certificate nobody trusts, or whose is not valid any more, or who has
        none, is told so; the log has why, and nothing of it reaches a server.
        """
        await self.begin()
        assert isinstance(self.clients, TlsClients)
        events: list[LogEvent] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

        def failed() -> list[LogEvent]:
            return [
                event for event in events if "the TLS handshake" in (event.get("log_format") or "")
            ]

        for shown, cause, told in (
            (STRANGER, "certificate verify failed", "unknown ca"),
            (EXPIRED, "certificate verify failed", "certificate expired"),
            (None, "peer did not return a certificate", "certificate required"),
        ):
            channel = TlsChannel(
                socket.create_connection(("127.0.0.1", self.clients.port)),
                client_context(shown),
                SERVER_NAME,
            )
            self.addCleanup(channel.reset)
            await until(channel.shake_hands, "the handshake")  # in TLS 1.3 before the server's end
            self.assertIn(told, await _alert(channel))
            await until(failed, "the line of the handshake")
            (event,) = failed()
            self.assertEqual(event["cause"], f"TLS: {cause}")
            events.clear()
        assert isinstance(self.servers, UnixServers)
        self.assertRaises(BlockingIOError, self.servers.listening.accept)

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


async def _alert(channel: TlsChannel) -> str:
    """Wait for an alert of the other end; what it says."""
    said: list[str] = []

    def hears() -> bool:
        try:
            channel.receive()
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        except ssl.SSLError as error:
            said.append(str(error).lower())
        return True

    await until(hears, "an alert")
    return said[0]


def _has_ended(connected: socket.socket) -> bool:
    try:
        return not connected.recv(65536)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
