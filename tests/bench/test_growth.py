"""How the relay's own work grows can be measured."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import bench
from bench.document import DOCUMENT
from bench.growth.__main__ import rows
from bench.growth.document import Grown, conditions, place_in, rewrite
from bench.growth.plot import plot
from bench.results import Summary
from tests.support.scratch import scratch_folder

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
                input="\n",
                capture_output=True,
                text=True,
                timeout=300,
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

    def test_document(self) -> None:
        """The figures stand between their lines, each beside the ratio to the first of its row, and
        the plot is named there; nothing else changes.
        """
        document = scratch_folder(self) / "performance.md"
        place = place_in(document)
        document.write_text(f"Before.\n{place.begin}\n{place.end}\nAfter.\n", encoding="utf-8")
        figures = {"1 inbounds": Summary(2.0, 1.5, 3.0), "9 inbounds": Summary(2.5, 2.0, 3.0)}
        grown = [Grown("a short connection", "us", figures)]
        machine = {"date": "2000-01-01", "processor": "one", "cores": "2", "system": "Linux 6"}
        for _ in range(2):
            rewrite(document, grown, conditions(machine, 9, 0.5, 0.25))
            text = document.read_text(encoding="utf-8")
            self.assertTrue(text.startswith(f"Before.\n{place.begin}\n\nMeasured on 2000-01-01 "))
            self.assertTrue(text.endswith(f"\n\n{place.end}\nAfter.\n"))
            self.assertIn("used 25% of the machine", text)
            self.assertIn("(growth.svg)", text)
            self.assertIn(
                "| a short connection, us | 9 inbounds | 2.5 | 2.0 - 3.0 | 1.25 x |\n", text
            )
        ET.fromstring(document.with_name("growth.svg").read_text(encoding="utf-8"))

    def test_place(self) -> None:
        """The document has a place for them."""
        before, after = place_in(DOCUMENT).around()
        self.assertTrue(before.rstrip())
        self.assertTrue(after.lstrip())

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
