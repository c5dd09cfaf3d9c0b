"""How close a limited relay is to its figure can be measured."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import bench

_ROOT = Path(bench.__file__).parent.parent


class LimitsTest(SynchronousTestCase):
    """`python -m bench.limits`."""

    def test_lines(self) -> None:
        """For each relay there is a line with the figures of what came."""
        if sys.platform != "linux":
            message = "it looks for listening sockets as Linux shows them"
            raise SkipTest(message)
        said = subprocess.run(
            [sys.executable, "-m", "bench.limits", "--seconds", "1", "--megabits", "20"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        found = re.findall(r"^20 Mbit/s, (.+?): ([\d.]+) Mbit/s, 200 ms", said.stdout, re.MULTILINE)
        figures = {name: float(figure) for name, figure in found}
        self.assertIn("pipetwist", figures, said.stdout)
        self.assertGreater(figures["pipetwist"], 10)
        self.assertLess(figures["pipetwist"], 25)
