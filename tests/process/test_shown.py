"""What has to do with commands shows its state."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.process.prefork import PreforkedProcesses
from pipetwist.process.state import ProcessState
from pipetwist.testing import FakeSide


class ShownTest(SynchronousTestCase):
    """What a traceback or a debugger has of it."""

    def test_life(self) -> None:
        """A life says that its command runs, how it has ended, and whether it is reaped."""
        life = ProcessState(Clock(), 4711, -1)
        self.assertEqual(repr(life), "<ProcessState pid=4711 runs>")
        life.status = -9
        self.assertEqual(repr(life), "<ProcessState pid=4711 status=-9>")
        life.pid = None
        self.assertEqual(repr(life), "<ProcessState status=-9 reaped>")

    def test_ready(self) -> None:
        """Commands that are held ready say how many there are, and whether more are being
        started.
        """
        clock = Clock()
        ready = PreforkedProcesses(clock, 2, FakeSide, lambda line: None)
        self.assertEqual(repr(ready), "<PreforkedProcesses 0 of 2, stopped>")
        ready.begin()
        self.assertEqual(repr(ready), "<PreforkedProcesses 1 of 2, waiting>")
        clock.pump([0] * 5)
        self.assertEqual(repr(ready), "<PreforkedProcesses 2 of 2, at rest>")
