"""A reload of a running tree: where connections go from then on, and what is counted."""

from __future__ import annotations

import socket
from dataclasses import replace

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import ExperimentalOptions, LogOptions, RouteOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.service.tree import PipetwistService
from tests.service.reload_case import TOOL, ReloadTestCase


class OutboundsTest(ReloadTestCase):
    """Where connections go."""

    def test_unchanged(self) -> None:
        """An outbound with commands that stays as it is goes on with them, those that wait among
        them.
        """
        tree = self.start(outbounds=(replace(TOOL, prefork=1),))
        outbound = tree.outbounds["tool"]
        self.connect()
        self.reactor.pump([0.1] * 5)
        self.reload(tree, inbounds=(self.inbound("in"), self.inbound("new")))
        self.assertIs(tree.outbounds["tool"], outbound)
        self.assertEqual(
            ([process.pid for process in self.spawner.processes], self.spawner.signals),
            ([1000, 1001], []),
        )

    def test_exchanged(self) -> None:
        """Open connections keep the old command; new ones get another. The old outbound's commands
        end, and then it is removed.
        """
        tree = self.start(outbounds=(replace(TOOL, prefork=1),))
        client = self.connect()
        self.reactor.pump([0.1] * 5)
        served, ready = self.spawner.processes
        self.reload(tree, outbounds=(replace(TOOL, command=("cat", "-u")),))
        self.assertEqual(self.spawner.signals, [(ready, 15)])
        self.connect()
        self.assertEqual(self.spawner.processes[-1].command[1:], ("-u",))
        client.sendall(b"as before")
        self.turn()
        self.assertEqual(served.stdin, b"as before")
        before = len(list(tree))
        served.exit()
        self.turn()
        self.assertEqual(len(list(tree)), before - 1)

    def test_gone(self) -> None:
        """An outbound that is gone while its command runs ends with the command's connection, or
        with the daemon.
        """
        tree = self.start()
        client = self.connect()
        self.assertIn(
            "configuration reloaded; outbounds new: plugin; outbounds gone: tool",
            self.reload(tree, outbounds=(UnixOutboundOptions(tag="plugin", path="/nowhere"),)),
        )
        client.sendall(b"hello")
        self.turn()
        self.assertEqual(
            (self.spawner.processes[0].stdin, list(tree.outbounds)), (b"hello", ["plugin"])
        )
        stopped = tree.stopService()
        self.reactor.pump([1] * 10)
        self.successResultOf(stopped)
        self.assertEqual([number for _, number in self.spawner.signals], [15])

    def test_idle(self) -> None:
        """One that is gone without a command is forgotten at once."""
        tree = self.start()
        (gone,) = tree.outbounds.values()
        self.assertIn(gone, list(tree))
        self.reload(tree, outbounds=(UnixOutboundOptions(tag="plugin", path="/nowhere"),))
        self.assertNotIn(gone, list(tree))

    def test_transfer(self) -> None:
        """Another transfer holds for new connections."""
        tree = self.start(outbounds=(UnixOutboundOptions(tag="plugin", path="/nowhere"),))
        self.assertTrue(tree.outbounds["plugin"].in_kernel)
        self.reload(tree, transfer="stream")
        self.assertFalse(tree.outbounds["plugin"].in_kernel)


class RulesTest(ReloadTestCase):
    """Which way connections go, and what is counted."""

    def test_route(self) -> None:
        """Rules and the final outbound apply to new connections."""
        tree = self.start(
            self.inbound("a"), self.inbound("b"), outbounds=(TOOL, replace(TOOL, tag="other"))
        )
        self.connect("a")
        self.reload(
            tree, route=RouteOptions(rules=(RuleOptions(inbound=("a",), outbound="other"),))
        )
        self.connect("a")
        self.connect("b")
        self.assertEqual(self.commands(tree), {"tool": 2, "other": 1})
        self.reload(tree, route=RouteOptions(final="other"))
        self.connect("b")
        self.assertEqual(self.commands(tree), {"tool": 2, "other": 2})

    def test_counters(self) -> None:
        """Counters stay; names that are listed now are counted for new connections, and others no
        more.
        """

        def experimental(*inbounds: str, enabled: bool = True) -> ExperimentalOptions:
            return ExperimentalOptions(
                v2ray_api=ApiOptions(stats=StatsOptions(enabled=enabled, inbounds=inbounds))
            )

        tree = self.start(self.inbound("a"), self.inbound("b"), experimental=experimental("a"))
        first = self._say(tree, "a")
        self.reload(tree, experimental=experimental("b"))
        self._say(tree, "a")
        self._say(tree, "b")
        first.sendall(b"67")
        self.turn()
        self.assertEqual(self._uplinks(tree), {"a": 7, "b": 5})
        self.reload(tree, experimental=experimental(enabled=False))
        self._say(tree, "b")
        self.assertEqual(self._uplinks(tree), {"a": 7, "b": 5})

    def test_log_level(self) -> None:
        """The log's level changes immediately; clients are identified if the new level logs their
        lines.
        """
        tree = self.start()
        self.assertTrue(tree.relay.names_clients)
        self.assertEqual(self.reload(tree, log=LogOptions(level="warn")), [])
        self.assertFalse(tree.relay.names_clients)
        self.assertEqual(len(self.reload(tree, log=LogOptions(level="info"))), 1)
        self.assertTrue(tree.relay.names_clients)

    def test_rules_ask(self) -> None:
        """Clients are identified if a rule asks for their addresses, whatever is logged."""
        tree = self.start()
        self.reload(tree, log=LogOptions(level="warn"))
        self.assertFalse(tree.relay.names_clients)
        rules = (RuleOptions(source_ip_is_private=True, action="reject"),)
        self.reload(tree, route=RouteOptions(rules=rules))
        self.assertTrue(tree.relay.names_clients)
        self.reload(tree, route=RouteOptions())
        self.assertFalse(tree.relay.names_clients)

    def test_records_ask(self) -> None:
        """So are they as long as connection records are written, which a reload can't change."""
        path = str(self.folder / "connections.jsonl")
        tree = self.start(log=LogOptions(level="warn", connections=path))
        self.assertTrue(tree.relay.names_clients)
        said = self.reload(tree, log=LogOptions(level="warn"))
        self.assertTrue(tree.relay.names_clients)
        self.assertEqual(said, ["log.connections: a change of this key needs a restart"])

    def test_outbound_asks(self) -> None:
        """So are they if an outbound tells its commands."""
        tree = self.start()
        for peer_environment in (True, False):
            told = replace(TOOL, peer_environment=peer_environment)
            self.reload(tree, log=LogOptions(level="warn"), outbounds=(told,))
            self.assertEqual(tree.relay.names_clients, peer_environment)

    def test_drain_timeout(self) -> None:
        """A stop uses the new time."""
        tree = self.start()
        self.connect()
        self.reload(tree, drain_timeout=1.0)
        stopped = tree.stopService()
        self.reactor.pump([1] * 2)
        self.turn()
        self.successResultOf(stopped)

    def _say(self, tree: PipetwistService, name: str) -> socket.socket:
        client = self.connect(name)
        client.sendall(b"hello")
        self.turn()
        return client

    def _uplinks(self, tree: PipetwistService) -> dict[str, int]:
        found = {
            counter.name.split(">>>")[1]: counter
            for counter in tree.store.counters()
            if counter.name.endswith("uplink")
        }
        return {name: counter.value() for name, counter in found.items()}
