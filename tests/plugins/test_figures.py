"""What the metrics show of a plug-in."""

from __future__ import annotations

import signal
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.figures import INBOUND_PLUGIN_FIGURES, OUTBOUND_PLUGIN_FIGURES
from pipetwist.plugins.owners import Listens
from tests.plugins.plugin_case import PluginCase


class PluginFiguresTest(PluginCase):
    """A plug-in through its life."""

    def figures(self) -> dict[str, float]:
        """The outbound's, by the last word or words of their names."""
        side = SimpleNamespace(plugin=self.plugin)
        return {
            figure.name.removeprefix("pipetwist_outbound_plugin_"): float(figure.read(side))
            for figure in OUTBOUND_PLUGIN_FIGURES
        }

    def test_life(self) -> None:
        """Starts and restarts are counted; whether it is ready, and how long that took, is told."""
        stopped = {"starts": 0, "restarts": 0, "ready": 0, "start_seconds": 0}
        self.assertEqual(self.figures(), stopped)
        self.plugin.start()
        self.assertEqual(self.figures(), {**stopped, "starts": 1})
        self.become_ready()
        figures = self.figures()
        self.assertEqual((figures["starts"], figures["ready"]), (1, 1))
        self.assertGreater(figures["start_seconds"], 0)
        self.listens = Listens.NOBODY
        self.process.exit(number=signal.SIGKILL)
        self.assertEqual(self.figures()["ready"], 0)
        self.clock.advance(1)
        self.become_ready()
        figures = self.figures()
        self.assertEqual((figures["starts"], figures["restarts"], figures["ready"]), (2, 1, 1))


class NamesTest(SynchronousTestCase):
    """The metrics of both sides."""

    def test_names(self) -> None:
        """An inbound has the same, by its own names."""
        names = [figure.name for figure in OUTBOUND_PLUGIN_FIGURES]
        self.assertEqual(
            [figure.name for figure in INBOUND_PLUGIN_FIGURES],
            [name.replace("_outbound_", "_inbound_") for name in names],
        )
