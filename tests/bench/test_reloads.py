"""The measure of reloads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.reloads import Turns, configuration
from pipetwist.config.reading import parse_document


class _Poller:
    """What a reactor looks with."""

    def poll(self, timeout: float, most: int) -> list[tuple[float, int]]:
        return [(timeout, most)]

    def close(self) -> str:
        return "closed"


class ReloadsTest(SynchronousTestCase):
    """What it does, and not how long that takes."""

    def test_configuration(self) -> None:
        """The configuration is a good one, with so many users."""
        (inbound,) = parse_document(configuration(7), Path("/"), "test.json").inbounds
        self.assertEqual(len(inbound.users), 7)  # type: ignore[attr-defined]  # it is a unix inbound

    def test_turns(self) -> None:
        """A turn is measured from one look to the next, and the reactor sees what it saw before."""
        turns = Turns(_Poller())
        self.assertEqual((turns.longest, turns.close()), (0.0, "closed"))
        self.assertEqual(turns.poll(1.5, 7), [(1.5, 7)])
        self.assertGreater(turns.longest, 0.0)
        turns.begin()
        self.assertEqual(turns.longest, 0.0)

    def test_run(self) -> None:
        """A short run reloads as often as it is asked to, and prints a figure for each."""
        command = [sys.executable, "-m", "bench.reloads", "--users", "20", "--reloads", "2"]
        said = subprocess.run(
            command,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        longest, busiest = said.splitlines()
        self.assertRegex(longest, r"longest turn, ms: [0-9.]+ [0-9.]+; median")
        self.assertRegex(busiest, r"processor time, ms: [0-9.]+ [0-9.]+; median")
