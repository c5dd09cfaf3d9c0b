"""The relay's own work can be measured, beside that of another checkout."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import bench

_ROOT = Path(bench.__file__).parent.parent


class TurnsTest(SynchronousTestCase):
    """`python -m bench.turns`."""

    def test_pair(self) -> None:
        """Each of the four measures gives a figure for both checkouts, and the ratio of the two,
        which keeps its bound or not.
        """
        if sys.platform != "linux":
            message = "the kernel's transfer is Linux's"
            raise SkipTest(message)
        command = [
            sys.executable,
            "-m",
            "bench.turns",
            "--against",
            str(_ROOT),
            "--pairs",
            "1",
            "--seconds",
            "0",
            "--at-most",
            "1e6",
        ]
        said = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        figures = re.findall(
            r"^(\S+ \S+): ([\d.]+) us, the other ([\d.]+) us; ratio [\d.]+ \(.*: kept$",
            said.stdout,
            re.MULTILINE,
        )
        self.assertEqual(
            [name for name, *_ in figures],
            ["unix connection", "unix round-trip", "tcp connection", "tcp round-trip"],
        )
        self.assertNotIn(0.0, [float(figure) for _, *both in figures for figure in both])
