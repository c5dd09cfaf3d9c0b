"""The kinds of server that are behind a proxy: the test plays both on one connection."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import ClassVar

from pipetwist.kinds.outbound_options import OutboundOptions, TlsClientOptions
from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.outbounds.via import ViaOptions
from tests.behaviour.channels import Channel, SocketChannel
from tests.behaviour.servers import TcpServers, shake_hands
from tests.support.shared_certificates import AUTHORITY, SERVER_NAME, server_context
from tests.support.waiting import until

__all__ = [
    "HttpProxies",
    "HttpTlsProxies",
    "ProxyServers",
    "SocksProxies",
    "SocksTlsProxies",
]

_TARGET = b"server.example"
_PORT = 4711


class ProxyServers(TcpServers):
    """What both kinds of proxy have in common."""

    via: ViaOptions
    exchange: ClassVar[tuple[tuple[bytes, bytes], ...]]
    """What the proxy hears, and what it answers to that."""
    refusal: ClassVar[tuple[bytes, str]]
    """What it answers at last where it refuses, and the sentence for it."""
    header = b""
    """The beginning of a header of the PROXY protocol, if the server is to get one; then all of
    it.
    """
    first_words = b""
    """What the server says in the same breath as the proxy."""
    tls: TlsClientOptions | None = None

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        return TcpOutboundOptions(
            tag="out",
            server=_TARGET.decode(),
            server_port=_PORT,
            via=replace(self.via, server_port=self.port),
            tls=self.tls,
            connect_timeout=connect_timeout,
            proxy_protocol=1 if self.header else None,
        )

    async def accept(self) -> Channel:
        accepted = await self.accepted()
        await self.talk(accepted)
        if self.header:
            await self._hear_header(accepted)
        if self.tls is not None:
            return await shake_hands(accepted, server_context())
        return SocketChannel(accepted)

    async def _hear_header(self, accepted: socket.socket) -> None:
        await _hears(accepted, self.header)

        def look() -> bool:
            try:
                while not self.header.endswith(b"\r\n"):
                    self.header += accepted.recv(1)
            except BlockingIOError:
                return False
            return True

        await until(look, "the end of the header")

    async def talk(self, accepted: socket.socket, last: bytes | None = None) -> None:
        """Play the proxy.

        Args:
            accepted: its connection.
            last: what it says at last, in the place of the server's being connected.
        """
        for number, (expected, answer) in enumerate(self.exchange, 1):
            await _hears(accepted, expected)
            if number == len(self.exchange):
                answer = (answer if last is None else last) + self.first_words
            accepted.sendall(answer)


class SocksProxies(ProxyServers):
    """SOCKS 5 with a password."""

    name = "socks"
    via = ViaOptions(
        type="socks", server="127.0.0.1", server_port=1, username="alice", password="secret"
    )
    exchange = (
        (b"\5\2\0\2", b"\5\2"),
        (b"\1\5alice\6secret", b"\1\0"),
        (b"\5\1\0\3\x0e" + _TARGET + _PORT.to_bytes(2, "big"), b"\5\0\0\1\0\0\0\0\0\0"),
    )
    refusal = b"\5\4", "the SOCKS proxy can't connect server.example:4711: the host is unreachable"


class HttpProxies(ProxyServers):
    """HTTP CONNECT without a password."""

    name = "http"
    via = ViaOptions(type="http", server="127.0.0.1", server_port=1)
    exchange = (
        (
            b"CONNECT %b:%d HTTP/1.1\r\nHost: %b:%d\r\n\r\n" % (_TARGET, _PORT, _TARGET, _PORT),
            b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
        ),
    )
    refusal = (
        b"HTTP/1.1 403 No\r\n\r\n",
        (
            "the HTTP proxy can't connect server.example:4711: the proxy's rules do not allow it "
            "(status 403 No)"
        ),
    )


class _TlsProxies(ProxyServers):
    tls = TlsClientOptions(enabled=True, server_name=SERVER_NAME, certificate_path=AUTHORITY)


class SocksTlsProxies(_TlsProxies, SocksProxies):
    """With TLS to the server, through the proxy."""

    name = "socks_tls"


class HttpTlsProxies(_TlsProxies, HttpProxies):
    """With TLS to the server, through the proxy."""

    name = "http_tls"


async def _hears(accepted: socket.socket, expected: bytes) -> None:
    heard = b""

    def look() -> bool:
        nonlocal heard
        try:
            heard += accepted.recv(len(expected) - len(heard))
        except BlockingIOError:
            return False
        return len(heard) == len(expected)

    await until(look, f"{expected!r}")
    assert heard == expected, heard
