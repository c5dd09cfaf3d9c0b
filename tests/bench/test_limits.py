"""How close a limited relay is to its figure can be measured."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import bench
from bench.bounds import MISSED

_ROOT = Path(bench.__file__).parent.parent


class LimitsTest(SynchronousTestCase):
    """`python -m bench.limits`."""

    def run_it(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it; whether bounds are kept on a busy machine is no matter here."""
        if sys.platform != "linux":
            message = "it looks for listening sockets as Linux shows them"
            raise SkipTest(message)
        said = subprocess.run(
            [sys.executable, "-m", "bench.limits", *words],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(said.stderr, "")
        self.assertIn(said.returncode, (0, MISSED))
        return said

    def test_lines(self) -> None:
        """For each relay there is a line with the figures of what came."""
        said = self.run_it("--only", "figures", "--seconds", "1", "--megabits", "20")
        self.assertEqual(said.returncode, 0)
        found = re.findall(r"^20 Mbit/s, (.+?): ([\d.]+) Mbit/s, 200 ms", said.stdout, re.MULTILINE)
        figures = {name: float(figure) for name, figure in found}
        self.assertIn("pipetwist", figures, said.stdout)
        self.assertGreater(figures["pipetwist"], 10)
        self.assertLess(figures["pipetwist"], 25)

    def test_cost(self) -> None:
        """It is said what a limit costs, both at the same rate."""
        said = self.run_it(
            *("--only", "cost", "--seconds", "0.3", "--pairs", "1", "--megabits", "1", "100")
        )
        self.assertRegex(said.stdout, r"^100 Mbit/s, limited and not: [\d.]+ and [\d.]+ s of ")
        self.assertRegex(said.stdout, r"median ratio [\d.]+ of [\d.]+, at most 1\.05: [kM]")

    def test_busy(self) -> None:
        """It is said how long round trips take beside busy users, and what memory each needs."""
        sizes = ("--users", "20", "--busy", "5", "--runs", "1", "--seconds", "0.2")
        said = self.run_it("--only", "busy", *sizes)
        share = re.search(r"5 of them are busy, who get ([\d.]+)% of 0\.5 Mbit/s", said.stdout)
        assert share is not None, said.stdout
        self.assertGreater(float(share[1]), 0)
        self.assertRegex(said.stdout, r"memory for each user with limits: -?\d+ bytes, less than")
