"""How long the relay's clients wait while others ask for its figures can be measured."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import bench

_ROOT = Path(bench.__file__).parent.parent


class AttacksTest(SynchronousTestCase):
    """`python -m bench.attacks`."""

    def test_run(self) -> None:
        """A short run says how long a round trip takes without an attack and under the one that was
        asked for.
        """
        if shutil.which("taskset") is None or shutil.which("cc") is None:
            message = "taskset and cc are needed"
            raise SkipTest(message)
        command = [
            sys.executable,
            "-m",
            "bench.attacks",
            "--only",
            "scrapes",
            "--runs",
            "1",
            "--seconds",
            "0.1",
        ]
        said = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        self.assertEqual(
            re.findall(r"^(\w+): p99 [\d.]+ ms.*; \d+ MB$", said.stdout, re.MULTILINE),
            ["quiet", "scrapes"],
        )
