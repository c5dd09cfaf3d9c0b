"""A test of connections between one kind of client and one kind of server, with pipetwist
between.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from twisted.internet import reactor
from twisted.logger import LogEvent
from twisted.trial.unittest import TestCase

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions
from pipetwist.interfaces import ISide
from pipetwist.service.tree import PipetwistService
from tests.behaviour.lines import Lines
from tests.behaviour.pairs import Pair
from tests.behaviour.peer import Peer
from tests.support.scratch import scratch_folder
from tests.support.waiting import until

__all__ = ["PairCase"]


class PairCase(TestCase):
    """A test of one pair."""

    pair: Pair
    timeout = 300

    def setUp(self) -> None:
        """Choose the addresses."""
        self.folder = scratch_folder(self)
        self.clients = self.pair.clients(self, self.folder)
        self.servers = self.pair.servers(self, self.folder)
        self.lines = Lines(self)

    async def begin(
        self,
        *,
        connect_timeout: float = 5.0,
        connect_retry: float | None = None,
        idle_timeout: float | None = None,
        half_close_timeout: float | None = None,
        clients_half_close: bool = True,
        servers_half_close: bool = True,
        tracked: bool = True,
    ) -> None:
        """Start pipetwist; the test's clean-up stops it."""
        stats = (
            StatsOptions(enabled=True, inbounds=("in",), outbounds=("out",), users=("alice",))
            if tracked
            else StatsOptions()
        )
        outbound: Any = replace(
            cast("Any", self.servers.outbound(connect_timeout)), half_close=servers_half_close
        )
        inbound: Any = self.clients.inbound(idle_timeout, half_close_timeout)
        if connect_retry is not None:
            outbound = replace(outbound, connect_retry=connect_retry)
        document = Document(
            inbounds=(replace(inbound, half_close=clients_half_close),),
            outbounds=(outbound,),
            transfer=self.pair.transfer,
            drain_timeout=0.1,
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats)),
        )
        self.service = PipetwistService(document, reactor, spawner=self.servers.spawner(reactor))
        self.service.startService()
        self.addCleanup(self.service.stopService)

    async def client(self) -> Peer:
        """Connect a client; the test's clean-up closes it."""
        return self._peer(await self.clients.connect())

    async def server(self) -> Peer:
        """Wait for the server's end of a connection; the test's clean-up closes it."""
        return self._peer(await self.servers.accept())

    async def connect(self) -> tuple[Peer, Peer]:
        """Connect a client, and wait for the server's end, and for the relay to have both."""
        client = await self.client()
        server = await self.server()
        await until(
            lambda: all(
                connection.server is not None
                for connection in self.service.relay.connection_table.connections()
            ),
            "the relay to be connected",
        )
        return client, server

    def assert_cut_off(self, client: Peer, server: Peer | None = None) -> None:
        """Check that nobody whose transport can say so takes what it has got for whole."""
        self.assertEqual(client.failure is not None, self.pair.clients.has_resets, client.failure)
        if server is not None:
            self.assertEqual(
                server.failure is not None, self.pair.servers.hears_resets, server.failure
            )

    async def line(self) -> LogEvent:
        """Wait until one more connection is over, and take its event in the log."""
        return await self.lines.next()

    async def reason(self) -> str:
        """Wait until one more connection is over, and take its reason."""
        return str((await self.line())["reason"])

    def sides(self) -> tuple[ISide, ISide]:
        """The sides of the one connection that is open: the client's and the server's."""
        (connection,) = self.service.relay.connection_table.connections()
        assert connection.server is not None
        return connection.client, connection.server

    def count(self, entity: str, name: str) -> tuple[int, int] | None:
        """What is counted, up and down; None if nothing is."""
        counters = [
            self.service.store.get(f"{entity}>>>{name}>>>traffic>>>{direction}")
            for direction in ("uplink", "downlink")
        ]
        up, down = (None if counter is None else counter.value() for counter in counters)
        return None if up is None or down is None else (up, down)

    def _peer(self, channel: Any) -> Peer:
        peer = Peer(channel)
        self.addCleanup(peer.reset)
        return peer
