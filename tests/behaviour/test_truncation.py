"""A connection that was cut off never looks whole, over transports that can say so: TCP by a reset,
TLS by the lack of a close_notify.
"""

from __future__ import annotations

import random

from pipetwist.transfer import lingering
from tests.behaviour.case import PairCase
from tests.behaviour.clients import (
    EndpointTcpClients,
    KernelTlsClients,
    TcpClients,
    TlsClients,
    UnixClients,
)
from tests.behaviour.commands import GivenCommands, ReactorGivenCommands
from tests.behaviour.pairs import PAIRS, SOME_PAIRS, Pair, over_pairs
from tests.behaviour.servers import TcpServers
from tests.support.waiting import until

_MUCH = random.Random(1).randbytes(3_000_000)


@over_pairs(PAIRS, lambda pair: pair.clients.has_resets and pair.servers.has_resets)
class CutOffTest(PairCase):
    """A server is cut off in the middle of what it sends, while its client does not keep up."""

    async def test_what_came_before(self) -> None:
        """The client gets all that had come to pipetwist by then, some of it after its own pause,
        and then the reset.
        """
        await self.begin()
        client, server = await self.connect()
        client.hold()
        server.send(_MUCH)
        side = self.sides()[1]
        await until(lambda: side.received > 60_000, "the first bytes")
        came = side.received
        server.reset()
        client.let_go()
        await client.end()
        self.assertIsNotNone(client.failure)
        self.assertGreaterEqual(len(client.received), came)
        self.assertTrue(_MUCH.startswith(client.received))
        client.close()
        self.assertEqual(await self.reason(), self.pair.servers.reset)


@over_pairs(
    (
        Pair(TcpClients, TcpServers, "kernel"),
        Pair(TcpClients, TcpServers, "stream"),
        Pair(EndpointTcpClients, TcpServers, "stream"),
    )
)
class HalfClosedTest(PairCase):
    """An end is cut off after it, or the other, has ended its direction in order."""

    async def test_client_after_its_end_of_file(self) -> None:
        """A client that resets while it waits for the answer is a reset to the server, which has
        had its end of file.
        """
        await self.begin()
        client, server = await self.connect()
        client.send(b"question")
        client.finish()
        await server.end()
        self.assertEqual((server.received, server.failure), (b"question", None))
        server.pour(b"answer" * 1000)
        await client.has(1)
        client.reset()
        await until(lambda: server.refused is not None, "the server to be told")
        server.close()
        self.assertEqual(await self.reason(), "client closed; client: the connection was reset")

    async def test_idle_client_after_its_end_of_file(self) -> None:
        """The same while nothing moves: the server gets the reset though it sends nothing."""
        await self.begin()
        client, server = await self.connect()
        client.finish()
        await server.end()
        client.reset()
        self.assertEqual(await self.reason(), "client closed; client: the connection was reset")
        server.send(b"answer")
        await until(lambda: server.refused is not None, "the server to be told")

    async def test_server_after_its_end_of_file(self) -> None:
        """What a server has sent and ended is whole to the client, though the server resets
        afterwards; the client can send no more.
        """
        await self.begin()
        client, server = await self.connect()
        server.send(_MUCH)
        server.finish()
        await client.end()
        self.assertEqual((client.received == _MUCH, client.failure), (True, None))
        server.reset()
        self.assertEqual(await self.reason(), "server closed; server: the connection was reset")
        client.pour(b"more")
        await until(lambda: client.refused is not None, "the client to be told")

    async def test_server_after_the_clients_end_of_file(self) -> None:
        """A server that resets in the middle of its answer is a reset to a client that has sent
        everything.
        """
        await self.begin()
        client, server = await self.connect()
        client.finish()
        await server.end()
        server.send(b"half an ans")
        await client.has(11)
        server.reset()
        await client.end()
        self.assertIsNotNone(client.failure)


@over_pairs(SOME_PAIRS)
class StopTest(PairCase):
    """pipetwist stops."""

    async def test_stop(self) -> None:
        """A connection that is ended because its time at a stop is over looks whole to neither
        end.
        """
        await self.begin()
        client, server = await self.connect()
        server.send(b"half an ans")
        await client.has(11)
        stopping = self.service.stopService()
        await client.end()
        await server.end()
        self.assert_cut_off(client, server)
        self.assertEqual(await self.reason(), "pipetwist is stopping")
        server.close()
        await stopping


@over_pairs(
    (
        Pair(TcpClients, GivenCommands, "kernel"),
        Pair(KernelTlsClients, GivenCommands, "kernel"),
        Pair(TcpClients, GivenCommands, "stream"),
        Pair(TlsClients, GivenCommands, "stream"),
        Pair(TcpClients, ReactorGivenCommands, "stream"),
        Pair(UnixClients, GivenCommands, "kernel"),
    )
)
class CommandTest(PairCase):
    """Commands that end in the middle, or say that they have failed."""

    servers: GivenCommands

    async def is_cut_off(self, script: str, **options: object) -> bool:
        """Run a script of the shell's for a client, and say whether the client was cut off after
        its word.
        """
        self.servers.give("sh", "-c", script, **options)
        await self.begin()
        client = await self.client()
        await client.end()
        self.assertEqual(client.received, b"word")
        return client.failure is not None

    async def test_killed(self) -> None:
        """What a command has sent before a signal killed it is not whole."""
        self.assertEqual(
            await self.is_cut_off("printf word; kill -KILL $$"), self.pair.clients.has_resets
        )

    async def test_failed(self) -> None:
        """What it has sent before it ends by itself is whole, whatever its exit status."""
        self.assertFalse(await self.is_cut_off("printf word; exit 3"))

    async def test_reset_on_failure(self) -> None:
        """With ``reset_on_failure`` it is not where the exit status is not 0."""
        self.assertEqual(
            await self.is_cut_off("printf word; exit 3", reset_on_failure=True),
            self.pair.clients.has_resets,
        )

    async def test_success(self) -> None:
        """It is where the exit status is 0."""
        self.assertFalse(await self.is_cut_off("printf word", reset_on_failure=True))

    async def test_nothing_read_and_nothing_said(self) -> None:
        """A command that ends well, and has neither read what its client sends nor said anything,
        has not cut the client off.
        """
        self.patch(lingering, "LINGER_SECONDS", 3600.0)  # however long this takes
        self.servers.give("true")
        await self.begin()
        client = await self.client()
        client.pour(_MUCH)
        await client.end()
        self.assertEqual((client.received, client.failure), (b"", None))
        client.close()
        await self.reason()

    async def test_output_closed_early(self) -> None:
        """A command that closes its output and runs on has sent everything, and the client hears so
        at once.
        """
        self.servers.give("sh", "-c", "printf word; exec >&-; cat >&2")
        await self.begin()
        client = await self.client()
        await client.end()
        self.assertEqual((client.received, client.failure), (b"word", None))
        client.close()
        self.assertEqual(await self.reason(), "server closed")
