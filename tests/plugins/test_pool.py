"""Who uses a plug-in, and that it runs as long as somebody does."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from pipetwist.errors import ConnectError
from pipetwist.plugins.pool import PluginPool
from pipetwist.plugins.supervision import State
from pipetwist.testing import FakeSide, RecordingReceiver
from pipetwist.values.bind_address import PortAddress
from tests.plugins.plugin_case import PluginCase


class PoolTest(PluginCase):
    """A plug-in with one user, which takes a moment to end."""

    def setUp(self) -> None:
        """Have it ready."""
        super().setUp()
        self.pool = PluginPool(self.clock, Logger(), self.spawner)
        self.plugin.contract.ends_with_stdin = True
        self.use()
        self.become_ready()

    def use(self) -> None:
        """Somebody uses it."""
        self.pool.add(self.plugin)
        self.plugin.start()

    def test_retired(self) -> None:
        """Once nobody uses it, it ends, and is forgotten then."""
        retired = self.pool.retire(self.plugin)
        self.assertNoResult(retired)
        self.assertEqual(len(self.pool.statuses()), 1)
        self.process.exit()
        self.successResultOf(retired)
        self.assertEqual(self.pool.statuses(), [])

    def test_makes_way(self) -> None:
        """One that nobody uses any more ends, with its connections, for whoever will listen where
        it does; not for others, and not if somebody uses it.
        """
        there, elsewhere = PortAddress("127.0.0.1", 1), PortAddress("127.0.0.1", 2)
        side, receiver = FakeSide(), RecordingReceiver()
        side.attach(self.plugin.connections.watch(side, receiver))
        self.successResultOf(self.pool.make_way([there]))
        retired = self.pool.retire(self.plugin, [there])
        self.successResultOf(self.pool.make_way([elsewhere]))
        way = self.pool.make_way([elsewhere, there])
        self.assertNoResult(way)
        self.process.exit()
        self.successResultOf(way)
        self.successResultOf(retired)
        self.assertEqual(receiver.reason, "the plug-in obfs-local was stopped")
        self.assertEqual(self.pool.statuses(), [])

    def test_given_up(self) -> None:
        """Nobody waits for a start when the daemon stops, also if it begins to then."""
        for begin in (self.pool.give_up, lambda: None):
            starting: Deferred[None] = Deferred()
            waiting = self.pool.awaited(starting)
            begin()
            error = self.failureResultOf(waiting, ConnectError).value
            self.assertEqual(str(error), "the daemon is stopping")

    def test_awaited(self) -> None:
        """Otherwise they wait until it has started, or has failed."""
        self.successResultOf(self.pool.awaited(succeed(None)))
        self.failureResultOf(self.pool.awaited(fail(ConnectError("why"))), ConnectError)
        self.pool.give_up()

    def test_used_while_it_ends(self) -> None:
        """One that somebody uses while it ends runs again, and ends with the daemon."""
        retired = self.pool.retire(self.plugin)
        self.use()
        self.process.exit()
        self.successResultOf(retired)
        self.become_ready()
        self.assertIs(self.plugin.state, State.READY)
        stopping = self.pool.stopService()
        self.assertNoResult(stopping)
        self.process.exit()
        self.successResultOf(stopping)
        self.assertIs(self.plugin.state, State.STOPPED)
