"""A connection's machine."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import Timeouts
from tests.connection.effects import Machine, RecordingEffects

__all__ = ["MachineTestCase"]


class MachineTestCase(SynchronousTestCase):
    """A machine with an idle time-out of 60 s and a half-close time-out of 7 s."""

    def setUp(self) -> None:
        """Make the machine and what writes its wishes down."""
        self.effects = RecordingEffects()
        self.machine = Machine(self.effects, Timeouts(idle=60, half_close=7))

    def begin_connecting(self) -> None:
        """Come to where the outbound is being connected."""
        self.machine.connecting()

    def open(self) -> None:
        """Come to where both directions are open."""
        self.machine.connecting()
        self.machine.connected()
        self.effects.new()
