"""How the relay's own work grows can be measured."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import bench
from bench.growth.__main__ import rows
from bench.growth.plot import plot
from bench.results import Summary

_ROOT = Path(bench.__file__).parent.parent
_PROGRAM = _ROOT / "bench" / "turns" / "relay.py"
_MOST = 40


class GrowthTest(SynchronousTestCase):
    """`python -m bench.growth`."""

    def test_setups(self) -> None:
        """Each setup can be taken: idle connections, users of whom the client is the last, and
        other inbounds.
        """
        if sys.platform != "linux":
            message = "the kernel's transfer is Linux's"
            raise SkipTest(message)
        for words in (
            "unix connection 0 40",
            "tcp round-trip 0 40",
            "tcp memory 0 40",
            "unix connection 0 0 20",
            "tcp connection 0 0 0 3",
        ):
            said = subprocess.run(
                [sys.executable, _PROGRAM, *words.split()],
                cwd=_ROOT,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            self.assertEqual((said.returncode, said.stderr), (0, ""), words)
            self.assertRegex(said.stdout, r"^\d+\.\d{3}\n$", words)

    def test_rows(self) -> None:
        """The first setup of each row is what the others are compared with, and the largest has so
        many connections as asked for.
        """
        made = list(rows(_MOST))
        self.assertEqual(len(made), 8)
        self.assertEqual(max(setup.open for row in made for setup in row.setups.values()), 1000)
        self.assertIn("40 open", made[0].setups)
        for row in made:
            self.assertGreater(len(row.setups), 1)

    def test_plot(self) -> None:
        """It has a panel for each row, and a figure for each setup."""
        drawn = plot(
            [
                (row.title, row.unit, dict.fromkeys(row.setups, Summary(2.0, 1.0, 3.0)))
                for row in rows(_MOST)
            ]
        )
        ET.fromstring(drawn)
        self.assertEqual(len(re.findall('class="title"', drawn)), 8)
        self.assertEqual(
            len(re.findall('class="figure"', drawn)), sum(len(row.setups) for row in rows(_MOST))
        )
