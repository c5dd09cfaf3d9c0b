"""How long the relay's clients wait while others ask for its figures can be measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import bench
from bench.bounds import MISSED

_ROOT = Path(bench.__file__).parent.parent


class AttacksTest(SynchronousTestCase):
    """`python -m bench.attacks`."""

    def test_run(self) -> None:
        """A short run says how long a round trip takes without an attack and under the one that was
        asked for, with ten thousand counters.
        """
        status, said = _attack("scrapes", at_most=1e6)
        self.assertRegex(said, r"^10000 counters; quiet: p99 [\d.]+ ms; \d+ MB\n")
        self.assertRegex(
            said,
            r"(?m)^scrapes: p99 [\d.]+ ms; median [\d.]+ ms, at most 1e\+06 ms: kept; \d+ MB; done "
            r"[1-9]\d* times; others used \d+% of the machine$",
        )
        self.assertEqual((status, said.splitlines()[-1]), (0, "Every bound is kept."))

    def test_missed(self) -> None:
        """A bound that no relay could keep is said to be missed, and the exit status is 1."""
        status, said = _attack("continuations", at_most=0)
        self.assertEqual(
            (status, said.splitlines()[-1]), (MISSED, "The bound is missed by: continuations.")
        )


def _attack(name: str, *, at_most: float) -> tuple[int, str]:
    if shutil.which("taskset") is None or shutil.which("cc") is None:
        message = "taskset and cc are needed"
        raise SkipTest(message)
    words = ["--only", name, "--runs", "1", "--seconds", "0.1", "--at-most", str(at_most)]
    said = subprocess.run(
        [sys.executable, "-m", "bench.attacks", *words],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert said.stderr == "", said.stderr
    return said.returncode, said.stdout
