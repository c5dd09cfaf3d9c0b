"""A tree whose counters are in a file."""

from __future__ import annotations

from typing import Any

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import ExperimentalOptions
from pipetwist.errors import StartError
from pipetwist.service.tree import PipetwistService
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.storage.offline import read_counters, remarks
from tests.service.case import TreeTestCase


class StorageTest(TreeTestCase):
    """Counters in a file."""

    def kept(self, **stats: Any) -> PipetwistService:
        """A tree that counts its inbound, in a file where nothing else is said."""
        stats = {
            "enabled": True,
            "inbounds": ("in",),
            "store": str(self.folder / "counters.db"),
            **stats,
        }
        return self.make(
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=StatsOptions(**stats)))
        )

    def say(self, tree: PipetwistService, data: bytes) -> None:
        """Connect, say this, and go."""
        client = self.connect()
        client.sendall(data)
        self.turn()
        client.close()
        self.turn()
        self.reactor.pump([0.5] * 20)
        self.assertEqual(tree.relay.open_connections, 0)

    def test_goes_on(self) -> None:
        """A tree that is started again, and one that is made again, go on counting where the last
        one stopped.
        """
        tree = self.kept()
        for total in (5, 10):
            tree.startService()
            self.say(tree, b"hello")
            self.assertEqual(tree.store.counter("inbound>>>in>>>traffic>>>uplink").total(), total)
            self.stop(tree)
        tree = self.kept()
        tree.startService()
        self.assertEqual([counter.total() for counter in tree.store.counters()], [0, 10])
        self.assertEqual(self.there(), ["counters.db", "in"])

    def test_counts_to_the_end(self) -> None:
        """What passes while the tree stops is in the file as well."""
        tree = self.kept()
        tree.startService()
        client = self.connect()
        stopped = tree.stopService()
        client.sendall(b"last words")
        self.turn()
        client.close()
        self.turn()
        self.reactor.pump([0.5] * 20)
        self.reactor.wait_for(stopped)
        self.assertEqual(
            [figures.total for figures in read_counters(self.folder / "counters.db")], [0, 10]
        )

    def test_refused(self) -> None:
        """If the file can't be used nothing starts; where something else can't be started the file
        is closed in order.
        """
        (self.folder / "counters.db").write_bytes(b"something else")
        tree = self.kept()
        tree.privilegedStartService()
        self.assertIn(
            "not a file of counters", str(self.assertRaises(StartError, tree.startService))
        )
        self.assertEqual(self.there(), ["counters.db"])
        (self.folder / "counters.db").unlink()
        tree = self.kept()
        (self.folder / "in").mkdir()
        self.assertRaises(StartError, tree.startService)
        self.reactor.do_one()
        self.assertEqual(remarks(self.folder / "counters.db"), [])

    def test_not_counting(self) -> None:
        """If nothing is counted the file is open all the same, and its counters are served: a
        reload may count again.
        """
        tree = self.kept()
        tree.startService()
        self.say(tree, b"hello")
        self.stop(tree)
        tree = self.kept(enabled=False)
        tree.startService()
        self.say(tree, b"hello")
        self.assertEqual([counter.total() for counter in tree.store.counters()], [0, 5])

    def test_store_of_ones_own(self) -> None:
        """A store that was handed over is used instead, and no file made."""
        tree = self.make(store=MemoryCounterStore(), experimental=self.kept().document.experimental)
        tree.startService()
        self.assertEqual((self.there(), tree.storage), (["in"], None))
