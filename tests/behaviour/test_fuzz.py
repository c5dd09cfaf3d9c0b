"""Whatever is sent in whatever pieces, with pauses and half-closes anywhere: both ends get exactly
it, and the counters equal it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from threading import Event
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import blockingCallFromThread, deferToThread

from tests.behaviour.case import PairCase
from tests.behaviour.clients import KernelTlsClients, TcpClients, UnixClients
from tests.behaviour.commands import GivenCommands
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.peer import Peer
from tests.behaviour.servers import TcpServers, TlsServers, UnixServers
from tests.support.examples import examples
from tests.support.waiting import moments, until

_reactor: Any = reactor


class Step(NamedTuple):
    """What an end does.

    Attributes:
        size: bytes that it sends.
        hold: whether it stops reading until the next step.
        milliseconds: how long it waits then.
    """

    size: int
    hold: bool
    milliseconds: int


_SIZES = st.one_of(
    st.integers(0, 200), st.sampled_from([65535, 65536, 65537, 131072]), st.integers(0, 300_000)
)
_STEPS = st.lists(
    st.builds(Step, _SIZES, st.booleans(), st.sampled_from([0, 0, 0, 1, 3])), max_size=6
)


def _examples(
    carries: Callable[..., Coroutine[Any, Any, None]], *ends: st.SearchStrategy[Any]
) -> Deferred[None]:
    """Try a coroutine on many examples: hypothesis draws them in a thread, they run in the
    reactor's.
    """

    @settings(max_examples=examples(60), deadline=None, database=None)
    @given(st.tuples(*ends))
    def one(drawn: tuple[Any, ...]) -> None:
        running: Callable[[], Any] = partial(Deferred.fromCoroutine, carries(*drawn))
        blockingCallFromThread(_reactor, running)

    return deferToThread(one)


async def _play(peer: Peer, steps: list[Step], seed: int, *, finishes: bool = True) -> bytes:
    """Have an end do its steps and half-close, unless it is not to; what it sent."""
    source = random.Random(seed)
    sent = b""
    for step in steps:
        data = source.randbytes(step.size)
        sent += data
        peer.send(data)
        if step.hold:
            peer.hold()
        if step.milliseconds:
            await moments(step.milliseconds / 1000)
        peer.let_go()
    if finishes:
        peer.finish()
    return sent


class _ExamplesCase(PairCase):
    async def counted(self, up: int, down: int, before: tuple[int, int] | None) -> None:
        """Check the line of the connection that is now over, and what the counters have gained by
        it.
        """
        line = await self.line()
        self.assertEqual((line["uplink"], line["downlink"]), (up, down))
        earlier = before or (0, 0)
        for entity, name in (("inbound", "in"), ("outbound", "out")):
            self.assertEqual(self.count(entity, name), (earlier[0] + up, earlier[1] + down))


@over_pairs(
    (
        Pair(UnixClients, UnixServers, "kernel"),
        Pair(UnixClients, UnixServers, "stream"),
        Pair(TcpClients, TcpServers, "kernel"),
        Pair(TcpClients, TcpServers, "stream"),
    )
)
class SocketsTest(_ExamplesCase):
    """Sockets on both sides."""

    async def test_anything(self) -> None:
        """Both ends get what the other has sent, then its end of file; the counters and the line
        equal it.
        """
        await self.begin()
        await _examples(self._carries, _STEPS, _STEPS)

    async def _carries(self, up: list[Step], down: list[Step]) -> None:
        before = self.count("inbound", "in")
        client, server = await self.connect()
        try:
            playing = [
                Deferred.fromCoroutine(_play(*end)) for end in ((client, up, 1), (server, down, 2))
            ]
            sent_up, sent_down = await gatherResults(playing)
            await client.end()
            await server.end()
        finally:
            client.close()
            server.close()
        self.assertEqual((client.failure, server.failure), (None, None))
        self.assertTrue(server.received == sent_up)
        self.assertTrue(client.received == sent_down)
        await self.counted(len(sent_up), len(sent_down), before)


@over_pairs(
    (
        Pair(TcpClients, TcpServers, "kernel"),
        Pair(TcpClients, TcpServers, "stream"),
        Pair(KernelTlsClients, TcpServers, "kernel"),
        Pair(TcpClients, TlsServers, "stream"),
    )
)
class CutOffTest(_ExamplesCase):
    """Sockets that say when they were cut off, of which one is."""

    async def test_anything(self) -> None:
        """Whoever cuts the connection off, the other end gets a part of what was sent, which is
        counted, and learns that it is one.
        """
        await self.begin()
        await _examples(self._is_cut_off, _STEPS, _STEPS, st.booleans())

    async def _is_cut_off(self, up: list[Step], down: list[Step], client_resets: bool) -> None:
        client, server = await self.connect()
        ends = (client, up), (server, down)
        (cutter, _), (reader, _) = ends if client_resets else reversed(ends)
        try:
            playing = [
                Deferred.fromCoroutine(_play(peer, steps, 1, finishes=False))
                for peer, steps in ends
            ]
            sent = dict(zip((client, server), await gatherResults(playing), strict=True))
            cutter.reset()
            await reader.end()
        finally:
            client.close()
            server.close()
            line = await self.line()
        self.assertIsNotNone(reader.failure, line["reason"])
        self.assertTrue(sent[cutter].startswith(reader.received))
        self.assertGreaterEqual(
            line["uplink" if client_resets else "downlink"], len(reader.received)
        )


@over_pairs(
    (Pair(UnixClients, GivenCommands, "kernel"), Pair(UnixClients, GivenCommands, "stream"))
)
class CommandTest(_ExamplesCase):
    """A command that says what it hears."""

    servers: GivenCommands

    async def test_anything(self) -> None:
        """The client gets back what it has sent, then the end of file; the counters and the line
        equal it.
        """
        self.servers.give("cat")
        await self.begin()
        await _examples(self._echoes, _STEPS)

    async def _echoes(self, steps: list[Step]) -> None:
        before = self.count("inbound", "in")
        client = await self.client()
        try:
            sent = await _play(client, steps, 1)
            await client.end()
        finally:
            client.close()
        self.assertIsNone(client.failure)
        self.assertTrue(client.received == sent)
        await self.counted(len(sent), len(sent), before)


@over_pairs((Pair(UnixClients, UnixServers, "kernel"), Pair(UnixClients, UnixServers, "stream")))
class ResetTest(PairCase):
    """Counters that are reset while bytes flow."""

    async def test_from_several_threads(self) -> None:
        """What all the resets have ended, and what is left, is exactly what has flowed."""
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-5)
        await self.begin()
        client, server = await self.connect()
        enough = Event()
        counters = [
            self.service.store.get(f"{what}>>>traffic>>>{way}")
            for what in ("inbound>>>in", "user>>>alice")
            for way in _WAYS
        ]
        ended: list[list[int]] = [[] for _ in counters]

        def reset() -> None:
            while not enough.is_set():
                for counter, values in zip(counters, ended, strict=True):
                    assert counter is not None
                    value = counter.reset()
                    if value:
                        values.append(value)

        resetting = [deferToThread(reset) for _ in range(3)]
        client.pour(random.Random(6).randbytes(7_777))
        server.pour(random.Random(7).randbytes(10_001))
        await until(
            lambda: all(len(values) > 20 for values in ended),
            "some resets of each counter while bytes flow",
        )
        client.stop_pouring()
        server.stop_pouring()
        await server.has(client.sent)
        await client.has(server.sent)
        enough.set()
        await gatherResults(resetting)
        for counter, values, flowed in zip(
            counters, ended, [client.sent, server.sent] * 2, strict=True
        ):
            assert counter is not None
            self.assertEqual(sum(values) + counter.value(), flowed)
            self.assertEqual(counter.total(), flowed)


_WAYS = ("uplink", "downlink")
