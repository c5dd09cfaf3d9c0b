"""Jobs that work in silence after their client's end of input, and peers that die meanwhile."""

from __future__ import annotations

from tests.behaviour.case import PairCase
from tests.behaviour.clients import TcpClients, UnixClients
from tests.behaviour.commands import ForkServers
from tests.behaviour.pairs import PAIRS, Pair, over_pairs
from tests.behaviour.servers import UnixServers
from tests.support.waiting import until

_UNBOUNDED = (Pair(UnixClients, UnixServers, "kernel"), Pair(UnixClients, ForkServers, "kernel"))


@over_pairs(
    (
        *PAIRS[:5],
        Pair(UnixClients, UnixServers, "stream"),
        Pair(TcpClients, ForkServers, "stream"),
        _UNBOUNDED[1],
    )
)
class SilenceTest(PairCase):
    """The inbound says nothing of a half-close's time-out, or something."""

    async def watched_after_half_close(self, half_close_timeout: float | None) -> list[float]:
        """For how many seconds in which no byte moves a connection is watched once its client has
        ended.
        """
        await self.begin(half_close_timeout=half_close_timeout)
        client, server = await self.connect()
        client.finish()
        await server.end()
        return [
            seconds
            for seconds, one in self.service.relay.connection_table.idle_checker._checks.items()
            if one.watched
        ]

    async def test_usual(self) -> None:
        """A job has as long as it takes where the death of its peers is always noticed, and five
        minutes elsewhere.
        """
        self.assertEqual(
            await self.watched_after_half_close(None), [] if self.pair in _UNBOUNDED else [300.0]
        )

    async def test_given(self) -> None:
        """A figure in the file counts everywhere."""
        self.assertEqual(await self.watched_after_half_close(300.0), [300.0])


@over_pairs(_UNBOUNDED)
class DeadPeerTest(PairCase):
    """A direction has ended, nothing moves, and nothing bounds that: an end dies."""

    async def test_client(self) -> None:
        """A client that dies while it waits for the answer takes the connection with it, and the
        server learns of it.
        """
        await self.begin()
        client, server = await self.connect()
        client.finish()
        await server.end()
        client.reset()
        self.assertEqual(await self.reason(), "client closed")
        if not issubclass(self.pair.servers, ForkServers):
            server.send(b"x")
            await until(lambda: server.refused is not None, "the server to be told")

    async def test_server(self) -> None:
        """A server that dies while its client waits takes the connection with it."""
        await self.begin()
        client, server = await self.connect()
        client.finish()
        await server.end()
        server.reset()
        await client.end()
        self.assertIn("client closed", await self.reason())

    async def test_server_after_its_end(self) -> None:
        """So does one that dies after its own end of file, while the client is silent."""
        await self.begin()
        client, server = await self.connect()
        server.finish()
        await client.end()
        server.reset()
        self.assertIn("server closed", await self.reason())
        self.assertEqual(client.refused, None)

    async def test_client_after_the_servers_end(self) -> None:
        """So does a client that dies after its server's end of file."""
        await self.begin()
        client, server = await self.connect()
        server.finish()
        await client.end()
        client.reset()
        await server.end()
        self.assertEqual(await self.reason(), "server closed")

    async def test_client_that_is_not_read(self) -> None:
        """A client that dies with bytes unread, for which the server has no room, is bounded in any
        case.
        """
        await self.begin()
        client, server = await self.connect()
        server.hold()
        client.pour(bytes(65536))
        await until(lambda: self.sides()[1].writer.waiting, "the server to be full")  # type: ignore[attr-defined]  # of sides in the kernel
        client.reset()
        await until(self.is_watched, "it to be bounded")

    def is_watched(self) -> bool:
        """Whether a connection is ended after so long without a byte."""
        return any(
            one.watched for one in self.service.relay.connection_table.idle_checker._checks.values()
        )
