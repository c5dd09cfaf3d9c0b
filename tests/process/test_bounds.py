"""Bounds on what a command may use, as the programs set them that run before it."""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.process.bounds import ResourceBounds
from tests.support.stranger import STRANGER


class NicenessTest(SynchronousTestCase):
    """The command's niceness."""

    def run_nicer(self, niceness: int) -> subprocess.CompletedProcess[str]:
        """Run a command that says its own, as somebody who may not lower it."""
        (wrapper,) = ResourceBounds(nice=niceness).wrappers()
        return subprocess.run(
            [*wrapper, "nice"],
            capture_output=True,
            text=True,
            check=False,
            user=STRANGER if os.geteuid() == 0 else None,
            timeout=60,
            cwd="/",
            env={**os.environ, "LC_ALL": "C"},
        )

    def test_set(self) -> None:
        """It is what was asked for, whatever the daemon's is."""
        ran = self.run_nicer(19)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "19\n", ""))

    def test_refused(self) -> None:
        """Where the system refuses it the command does not run without it, and nice says why."""
        ran = self.run_nicer(os.getpriority(os.PRIO_PROCESS, 0) - 1)
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertIn("Permission denied", ran.stderr)
