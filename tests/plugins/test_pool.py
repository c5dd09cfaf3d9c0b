"""Who uses a plug-in, and that it runs as long as somebody does."""

from __future__ import annotations

from twisted.logger import Logger

from pipetwist.plugins.pool import PluginPool
from pipetwist.plugins.supervision import State
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
