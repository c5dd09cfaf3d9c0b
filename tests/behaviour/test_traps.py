"""The traps that Twisted's transports set for a relay: each is shown to catch a naive one, and not
to catch pipetwist.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from tests.behaviour.case import PairCase
from tests.behaviour.clients import UnixClients
from tests.behaviour.naive import EarlyReader, Forwarder, HalfCloser, NaiveRelay
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.peer import Peer
from tests.behaviour.servers import UnixServers
from tests.support.waiting import moments, turns, until

_BLOCK = random.Random(5).randbytes(100_000)
# So long a naive relay is given to do what it never does.
_NEVER_SECONDS = 0.3


@over_pairs((Pair(UnixClients, UnixServers, "kernel"), Pair(UnixClients, UnixServers, "stream")))
class TrapsTest(PairCase):
    """A unix socket on both sides."""

    clients: UnixClients
    servers: UnixServers
    relay: Any
    patience: float

    async def test_paused_producer(self) -> None:
        """A transport that is told to close while its producer is paused closes all the same.

        FileDescriptor.doWrite asks a paused producer for more when everything is written, instead
        of closing.
        """
        await self._pipetwist()
        await self._closes_after_a_pause()
        await self._catches(Forwarder, self._closes_after_a_pause)

    async def test_full_close(self) -> None:
        """A client that has closed is not taken for one that has half-closed, and is not kept for a
        server that waits.

        Both are an end of file to Twisted, after which it does not look at the socket any more.
        """
        await self._pipetwist()
        await self._notices_a_full_close()
        await self._catches(HalfCloser, self._notices_a_full_close)

    async def test_resumed_after_the_end(self) -> None:
        """A client's end of file is taken for one, though reading is resumed after it.

        A transport that is resumed after its end of file tells of it again.
        """
        await self._pipetwist()
        await self._answers_after_an_early_end()
        await self._catches(EarlyReader, self._answers_after_an_early_end)

    async def test_close_while_paused(self) -> None:
        """A client that closes while nothing is read from it is noticed, and its connection is not
        kept for ever.

        A paused transport is not looked at.
        """
        await self._pipetwist(half_close_timeout=0.1)
        await self._notices_a_close_while_paused()
        await self._catches(HalfCloser, self._notices_a_close_while_paused)

    # The relays.

    async def _pipetwist(self, half_close_timeout: float = 300.0) -> None:
        await self.begin(half_close_timeout=half_close_timeout)
        self.relay = self.service.relay
        self.patience = 20.0

    async def _catches(
        self, end: type[Forwarder], to_do: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """See a naive relay fail at what pipetwist has just done; once is enough, since pipetwist
        has no part in it.
        """
        if self.pair.transfer == "kernel":
            return
        path = str(self.folder / "naive.sock")
        self.relay = NaiveRelay(self, end, path, self.servers.path)
        self.clients.path = path
        self.patience = _NEVER_SECONDS
        await self.assertFailure(Deferred.fromCoroutine(to_do()), AssertionError)

    # What they are to do.

    async def _closes_after_a_pause(self) -> None:
        client, server = await self.connect()
        await self._stops(client, server)
        client.close()
        # Only by this does a transport that is not read learn that its peer has gone.
        server.send(b"x")
        await turns(20)
        server.let_go()
        await until(lambda: server.ended, "the end of the server's connection", self.patience)

    async def _notices_a_full_close(self) -> None:
        client, server = await self.connect()
        server.send(b"x")
        await client.has(1)
        client.close()
        await until(
            lambda: not self.relay.open_connections, "the end of the connection", self.patience
        )

    async def _answers_after_an_early_end(self) -> None:
        client = await self.client()
        client.send(b"question")
        client.finish()
        server = await self.server()
        await server.end()
        server.send(b"answer")
        await until(lambda: client.received == b"answer", "the answer", self.patience)

    async def _notices_a_close_while_paused(self) -> None:
        client, server = await self.connect()
        await self._stops(client, server)
        client.close()
        await until(
            lambda: not self.relay.open_connections, "the end of the connection", self.patience
        )

    async def _stops(self, sender: Peer, reader: Peer) -> None:
        reader.hold()
        sender.pour(_BLOCK)
        seen, looks = 0, 0
        while looks < 3:
            await moments(0.005)
            looks = looks + 1 if sender.sent == seen > 0 else 0
            seen = sender.sent
        sender.stop_pouring()
