"""Shells that are started with posix_spawn."""

from __future__ import annotations

import os
from typing import Any
from unittest import skipUnless

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from pipetwist.process.posix_process import PosixProcess
from tests.process.listener import Listener
from tests.support.scratch import has_ended, wait_until

__all__ = ["ChildTestCase", "any_reactor"]

any_reactor: Any = reactor  # the module stands for whichever reactor trial has installed


@skipUnless(
    hasattr(os, "pidfd_open") and hasattr(os, "posix_spawn"), "needs pidfd_open and posix_spawn"
)
class ChildTestCase(TestCase):
    """Shells with scripts."""

    timeout = 300

    def shell(self, script: str, *, paused: bool = False) -> Listener:
        """Start one; what hears it."""
        listener = Listener(self, paused=paused)
        PosixProcess(any_reactor, listener, ["/bin/sh", "-c", script], {"PATH": os.environ["PATH"]})
        return listener

    def assertEnds(self, pid: int) -> None:
        """What a command had started has ended, or does so now."""
        wait_until(lambda: has_ended(pid), f"the end of process {pid}")
