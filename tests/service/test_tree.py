"""The tree of services: how it is built, and that it stops in order."""

from __future__ import annotations

import gc
from dataclasses import replace

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import ExperimentalOptions, LogOptions, RouteOptions
from pipetwist.errors import StartError
from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.interfaces import IInbound, IOutbound
from pipetwist.outbounds.endpoint import EndpointOutboundOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.testing import FakeSpawner
from tests.service.case import TreeTestCase
from tests.support.loop import open_descriptors


class BuildingTest(TreeTestCase):
    """From a document to services."""

    def test_parts(self) -> None:
        """Inbounds and outbounds are there by their tags, each what its interface says; and no API
        or web that nobody asked for.
        """
        tree = self.make(
            self.inbound("a"),
            self.inbound("b"),
            outbounds=(
                ForkOutboundOptions(tag="tool", command=("cat",)),
                UnixOutboundOptions(tag="plugin", path="/run/plugin.sock"),
            ),
        )
        verifyObject(IService, tree)
        self.assertEqual(
            (list(tree.inbounds), list(tree.outbounds), tree.api, tree.web),
            (["a", "b"], ["tool", "plugin"], None, None),
        )
        for inbound in tree.inbounds.values():
            verifyObject(IInbound, inbound)
        for outbound in tree.outbounds.values():
            verifyObject(IOutbound, outbound)

    def test_nothing_yet(self) -> None:
        """Before it is started it listens nowhere, and has no descriptor of the system's."""
        before = open_descriptors()
        self.make()
        self.assertEqual(
            (self.there(), self.reactor.readers, self.reactor.getDelayedCalls()), ([], set(), [])
        )
        self.assertEqual(_left(before), set())

    def test_can_not_be_had(self) -> None:
        """What an outbound or an inbound needs and can't be had is reported when the tree is
        built.
        """
        for arguments, said in (
            (
                {"outbounds": (ForkOutboundOptions(tag="tool", command=("no-such-command",)),)},
                "outbound tool: there is no command",
            ),
            (
                {"outbounds": (EndpointOutboundOptions(tag="any", endpoint="nothing:x"),)},
                "outbound any: 'nothing:x' is not a",
            ),
        ):
            self.assertIn(said, str(self.assertRaises(StartError, self.make, **arguments)))
        error = self.assertRaises(
            StartError,
            self.make,
            EndpointInboundOptions(tag="any", endpoint="systemd:domain=UNIX:name=pipe"),
        )
        self.assertIn(
            "inbound any: 'systemd:domain=UNIX:name=pipe' is not a server endpoint string",
            str(error),
        )

    def test_route(self) -> None:
        """Clients go where the rules say, and the rest to the final outbound, or to the first where
        none is named.
        """
        for final, expected in ((None, "first"), ("second", "second")):
            tree = self.make(
                self.inbound("a"),
                self.inbound("b"),
                outbounds=[
                    ForkOutboundOptions(tag=tag, command=("cat",))
                    for tag in ("first", "second", "third")
                ],
                route=RouteOptions(
                    rules=(RuleOptions(inbound=("b",), outbound="third"),), final=final
                ),
            )
            tree.startService()
            for name in ("a", "b"):
                self.connect(name)
            self.assertEqual(
                [outbound.processes for outbound in tree.outbounds.values()],
                [int(tag == expected) for tag in ("first", "second")] + [1],
            )
            self.stop(tree)

    def test_counting(self) -> None:
        """What is listed is counted in the store that it was given, unless statistics are off."""
        for enabled in (True, False):
            store = MemoryCounterStore()
            stats = StatsOptions(enabled=enabled, inbounds=("in",))
            tree = self.make(
                store=store, experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats))
            )
            self.assertIs(tree.store, store)
            tree.startService()
            client = self.connect()
            client.sendall(b"hello")
            self.turn()
            self.assertEqual(self.spawner.processes[-1].stdin, b"hello")
            expected = (
                {"inbound>>>in>>>traffic>>>downlink": 0, "inbound>>>in>>>traffic>>>uplink": 5}
                if enabled
                else {}
            )
            self.assertEqual(
                {counter.name: counter.value() for counter in store.counters()}, expected
            )
            self.stop(tree)

    def test_transfer(self) -> None:
        """Who asks for a transfer by the kernel where there can be none is told so."""
        self.assertIn(
            "outbound tool: the kernel can't move its bytes",
            str(self.assertRaises(StartError, self.make, transfer="kernel")),
        )
        plain = TcpOutboundOptions(tag="direct", server="127.0.0.1", server_port=1)
        self.assertTrue(
            self.make(outbounds=(plain,), transfer="kernel").outbounds["direct"].in_kernel
        )
        self.assertFalse(
            self.make(outbounds=(plain,), transfer="stream").outbounds["direct"].in_kernel
        )
        of_its_own = TcpOutboundOptions(
            tag="direct", server="127.0.0.1", server_port=1, transfer="stream"
        )
        self.assertFalse(
            self.make(outbounds=(of_its_own,), transfer="kernel").outbounds["direct"].in_kernel
        )

    def test_log_level(self) -> None:
        """What is less important than the level is not logged."""
        for level, lines in (("info", 1), ("warn", 0)):
            tree = self.make(log=LogOptions(level=level))  # type: ignore[arg-type]  # one of its values
            tree.startService()
            with capturedLogs() as events:
                self.connect().close()
                self.turn()
                self.reactor.pump([1] * 10)
                self.turn()
            self.assertEqual(len([event for event in events if "uplink" in event]), lines)
            self.stop(tree)


class StoppingTest(TreeTestCase):
    """In order."""

    def test_idle(self) -> None:
        """A tree without connections stops at once, and leaves no file and no descriptor."""
        before = open_descriptors()
        tree = self.make()
        tree.startService()
        self.successResultOf(tree.stopService())
        self.assertEqual(
            (self.there(), self.reactor.readers, self.reactor.getDelayedCalls(), _left(before)),
            ([], set(), [], set()),
        )

    def test_never_started(self) -> None:
        """One that was never started can be stopped."""
        self.successResultOf(self.make().stopService())

    def test_open_connection(self) -> None:
        """No client is accepted any more, but open connections may finish, and their commands with
        them; then no descriptor is left.
        """
        before = open_descriptors()
        tree = self.make()
        tree.startService()
        client = self.connect()
        stopped = tree.stopService()
        self.assertEqual(self.there(), [])
        (process,) = self.spawner.processes
        client.sendall(b"last words")
        self.turn()
        self.assertEqual(process.stdin, b"last words")
        self.assertNoResult(stopped)
        process.say(b"answer")
        process.exit()
        self.turn()
        self.assertEqual(client.recv(99), b"answer")
        client.close()
        self.turn()
        self.reactor.pump([0.5] * 6)
        self.successResultOf(stopped)
        self.assertEqual(
            (self.spawner.signals, self.reactor.getDelayedCalls(), _left(before)), ([], [], set())
        )

    def test_out_of_time(self) -> None:
        """Who does not finish in time is ended, and its command too, which is waited for."""
        self.spawner = FakeSpawner(stubborn=True)
        tree = self.make(drain_timeout=3)
        tree.startService()
        client = self.connect()
        stopped = tree.stopService()
        self.reactor.advance(2.9)
        self.assertEqual(self.spawner.signals, [])
        self.reactor.advance(0.1)
        self.assertEqual(len(self.spawner.signals), 1)
        self.assertNoResult(stopped)
        self.reactor.advance(5)
        self.turn()
        self.successResultOf(stopped)
        self.assertEqual(client.recv(99), b"")

    def test_deaf_commands(self) -> None:
        """Commands that wait for a connection are told to end when the stop begins: their time and
        that of connections run together.
        """
        self.spawner = FakeSpawner(stubborn=True)
        tree = self.make(
            drain_timeout=3,
            outbounds=(ForkOutboundOptions(tag="tool", command=("cat",), prefork=1, kill_grace=4),),
        )
        tree.startService()
        self.connect()
        self.reactor.pump([0.1] * 5)
        served, ready = self.spawner.processes
        stopped = tree.stopService()
        self.assertEqual(self.spawner.signals, [(ready, 15)])
        self.reactor.advance(3)
        self.assertEqual(self.spawner.signals[1:], [(served, 15)])
        self.reactor.pump([1] * 4)
        self.turn()
        self.successResultOf(stopped)
        self.assertEqual(self.spawner.signals[2:], [(ready, 9), (served, 9)])

    def test_longest(self) -> None:
        """How long a stop may take is said with the commands of outbounds that a reload has
        retired, as long as those run.
        """
        slow = ForkOutboundOptions(tag="tool", command=("cat",), kill_grace=60)
        tree = self.make(drain_timeout=3, outbounds=(slow,))
        tree.startService()
        self.assertEqual(tree.max_stop_seconds, 78)
        client = self.connect()
        self.successResultOf(
            tree.reload(replace(tree.document, outbounds=(replace(slow, kill_grace=1),)))
        )
        self.assertEqual(tree.max_stop_seconds, 78)
        client.close()
        self.spawner.processes[0].exit()
        self.turn()
        self.assertEqual(tree.max_stop_seconds, 19)

    def test_longest_without_commands(self) -> None:
        """Without commands it is the connections' time, and a little."""
        tree = self.make(
            drain_timeout=3, outbounds=(UnixOutboundOptions(tag="plugin", path="/nowhere"),)
        )
        self.assertEqual(tree.max_stop_seconds, 18)

    def test_part_that_fails(self) -> None:
        """A part that does not stop is logged, and the others stop."""
        tree = self.make(self.inbound("a"), self.inbound("b"))
        tree.startService()
        failing: Deferred[None] = Deferred()
        stop = tree.inbounds["a"].stopService
        self.patch(tree.inbounds["a"], "stopService", lambda: (stop(), failing)[1])
        stopped = tree.stopService()
        failing.errback(Failure(ValueError("a mistake")))
        self.successResultOf(stopped)
        self.assertEqual((len(self.flushLoggedErrors(ValueError)), self.there()), (1, []))

    def test_again(self) -> None:
        """It can be started again after it has stopped, and everything works as before."""
        tree = self.make()
        for _ in range(2):
            tree.startService()
            client = self.connect()
            client.sendall(b"hello")
            self.turn()
            self.assertEqual(self.spawner.processes[-1].stdin, b"hello")
            client.close()
            self.turn()
            self.reactor.pump([0.5] * 20)
            self.assertEqual(tree.relay.open_connections, 0)
            self.successResultOf(tree.stopService())
        self.assertEqual(self.there(), [])


def _left(before: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """The descriptors of this process that were not there before, once the collector has had what
    there is for it.
    """
    gc.collect()
    return open_descriptors() - before
