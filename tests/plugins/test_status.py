"""What a plug-in is doing, for people who look."""

from __future__ import annotations

import signal

from pipetwist.plugins.owners import Listens
from pipetwist.plugins.status import PluginStatus, status_of
from tests.plugins.plugin_case import PluginCase


class StatusTest(PluginCase):
    """A plug-in through its life."""

    def status(self) -> PluginStatus:
        """What it is doing."""
        return status_of(self.plugin, self.clock)

    def test_life(self) -> None:
        """It is stopped, starting, ready for so long, and restarting in so many seconds, with its
        last words.
        """
        status = self.status()
        self.assertEqual(
            (status.label, status.name, status.state, status.pid, status.why),
            ("outbound a", "obfs-local", "stopped", None, ""),
        )
        self.plugin.start()
        self.assertEqual((self.status().state, self.status().pid), ("starting", self.process.pid))
        self.become_ready()
        self.clock.advance(60)
        status = self.status()
        self.assertEqual((status.state, status.ready_seconds, status.pause), ("ready", 60, None))
        self.listens = Listens.NOBODY
        self.plugin.process_logged("bind: Address already in use")
        self.process.exit(number=signal.SIGKILL)
        self.clock.advance(0.05)
        status = self.status()
        self.assertEqual((status.state, status.ready_seconds), ("waiting", None))
        self.assertAlmostEqual(status.pause or 0.0, 0.15)
        self.assertEqual(
            status.why,
            "the plug-in obfs-local failed: it was killed by SIGKILL: bind: Address already in use",
        )
        self.clock.advance(1)
        self.become_ready()
        status = self.status()
        self.assertEqual((status.state, status.starts, status.restarts), ("ready", 2, 1))
        self.assertIn("was killed by SIGKILL", status.why)
