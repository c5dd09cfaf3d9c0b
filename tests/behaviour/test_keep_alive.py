"""TCP's keepalive, read back from the sockets of connections that are open."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

from pipetwist.transfer.socket_state import socket_of
from tests.behaviour.case import PairCase
from tests.behaviour.clients import EndpointTcpClients, KernelTlsClients, TcpClients
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.servers import EndpointTcpServers, TcpServers, TlsServers

_ASKED = (
    Pair(TcpClients, TcpServers, "kernel"),
    Pair(TcpClients, TcpServers, "stream"),
    Pair(KernelTlsClients, TcpServers, "kernel"),
    Pair(TcpClients, TlsServers, "stream"),
)


class _KeepAliveCase(PairCase):
    def give(self, **keys: object) -> None:
        """Give both the inbound and the outbound these keys."""
        for end, method in ((self.clients, "inbound"), (self.servers, "outbound")):
            self._give(end, method, keys)

    def _give(self, end: object, method: str, keys: Any) -> None:
        usual = getattr(end, method)
        self.patch(end, method, lambda *arguments: replace(usual(*arguments), **keys))

    def found(self) -> list[tuple[int, int, int]]:
        """Of the client's and the server's socket: whether it is on, and the seconds of its
        idleness and of its interval.
        """
        return [
            _options(getattr(side, "socket", None) or socket_of(getattr(side, "transport", None)))
            for side in self.sides()
        ]


@over_pairs((*_ASKED, Pair(EndpointTcpClients, EndpointTcpServers, "stream")))
class UsualTest(_KeepAliveCase):
    """Nothing is said."""

    async def test_usual(self) -> None:
        """A peer that has vanished is asked for a sign of life after 5 minutes, then every 75 s, as
        by sing-box.
        """
        await self.begin()
        await self.connect()
        self.assertEqual(self.found(), [(1, 300, 75)] * 2)


@over_pairs(_ASKED)
class GivenTest(_KeepAliveCase):
    """The keys are there."""

    async def test_given(self) -> None:
        """It is asked after as long as the keys say, in whole seconds."""
        self.give(tcp_keep_alive=60.5, tcp_keep_alive_interval=7.0)
        await self.begin()
        await self.connect()
        self.assertEqual(self.found(), [(1, 61, 7)] * 2)

    async def test_longest(self) -> None:
        """More than the system takes is as much as it takes."""
        self.give(tcp_keep_alive=86400.0 * 30, tcp_keep_alive_interval=86400.0)
        await self.begin()
        await self.connect()
        self.assertEqual(self.found(), [(1, 32767, 32767)] * 2)

    async def test_disabled(self) -> None:
        """It is not asked where that is switched off."""
        self.give(disable_tcp_keep_alive=True)
        await self.begin()
        await self.connect()
        self.assertEqual([on for on, _, _ in self.found()], [0, 0])

    async def test_reloaded(self) -> None:
        """Connections after a reload use the new configuration, at either end."""
        await self.begin()
        document = self.service.document
        keys: Any = {"tcp_keep_alive": 20.0, "tcp_keep_alive_interval": 5.0}
        (inbound,), (outbound,) = document.inbounds, document.outbounds
        await self.service.reload(
            replace(
                document,
                inbounds=(replace(inbound, **keys),),
                outbounds=(replace(outbound, **keys),),
            )
        )
        await self.connect()
        self.assertEqual(self.found(), [(1, 20, 5)] * 2)


def _options(one: socket.socket | None) -> tuple[int, int, int]:
    assert one is not None
    tcp = [
        one.getsockopt(socket.IPPROTO_TCP, name)
        for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)
    ]
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), tcp[0], tcp[1]
