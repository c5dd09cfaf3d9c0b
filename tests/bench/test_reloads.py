"""The measure of reloads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.bounds import MISSED
from bench.reloads import Turns, configuration, configuration_with_file, lines_of_users
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
        """A short run reloads as often as it is asked to, prints a figure for each, and ends well
        where the bound is kept.
        """
        status, longest, busiest, whole, others = _reload("1e6")
        self.assertRegex(whole, r"^whole reload, ms: [0-9.]+ [0-9.]+; median")
        self.assertRegex(longest, r"^longest turn, ms: [0-9.]+ [0-9.]+; median .*: kept$")
        self.assertRegex(busiest, r"^processor time, ms: [0-9.]+ [0-9.]+; median")
        self.assertRegex(others, r"^Other programs used \d+% of the machine\.$")
        self.assertEqual(status, 0)

    def test_file(self) -> None:
        """The same with users in a file of their own."""
        status, longest, *_ = _reload("1e6", "--file")
        self.assertRegex(longest, r": kept$")
        self.assertEqual(status, 0)
        for text, number in ((lines_of_users(3), 3), (configuration_with_file(), 1)):
            self.assertEqual(len([json.loads(line) for line in text.splitlines()]), number)

    def test_missed(self) -> None:
        """A bound that no reload could keep is said to be missed, and the exit status is 1."""
        status, longest, *_ = _reload("0")
        self.assertRegex(longest, r"at most 0 ms: MISSED$")
        self.assertEqual(status, MISSED)


def _reload(at_most: str, *more: str) -> tuple[int, str, str, str, str]:
    words = ["--users", "20", "--reloads", "2", "--at-most", at_most, *more]
    said = subprocess.run(
        [sys.executable, "-m", "bench.reloads", *words],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    longest, busiest, whole, others = said.stdout.splitlines()
    return said.returncode, longest, busiest, whole, others
