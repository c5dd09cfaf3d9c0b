"""The benchmarks run: every kind of measure once, very shortly, with pipetwist and socat."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import bench
from tests.support.peers import need

_ROOT = Path(bench.__file__).parent.parent
_MEASURES = {
    "unix-stream-both",
    "tcp-connections",
    "tls-stream-both",
    "tls-rsa-full",
    "tls-ecdsa-resumed",
    "fork-stream-up",
    "fork-answer",
    "tcp-trips",
    "unix-idle",
    "udp-trips",
    "udp-64-sources",
}
_WITHOUT_SOCAT = {"unix-idle", *(name for name in _MEASURES if name.startswith("tls-"))}


class SmokeTest(SynchronousTestCase):
    """`python -m bench --quick`."""

    def setUp(self) -> None:
        """See that there are a compiler and a peer, and name a file for the raw data."""
        need("cc")
        need("socat")
        self.out = Path(self.mktemp()).absolute()

    def run_bench(self, *words: str) -> str:
        """Run the benchmarks to their end; what they print."""
        run = subprocess.run(
            [sys.executable, "-m", "bench", *words],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def test_measures(self) -> None:
        """Each kind of measure gives figures for pipetwist and for socat, in the raw data and in a
        table, and leaves nothing out.
        """
        said = self.run_bench(
            "--quick", "--only", ",".join(sorted(_MEASURES)), "--out", str(self.out)
        )
        results = json.loads(self.out.read_text(encoding="utf-8"))
        self.assertEqual(results["left_out"], [])
        taken = {(sample["measure"], sample["relay"]) for sample in results["samples"]}
        self.assertEqual(
            taken,
            {(measure, relay) for measure in _MEASURES for relay in ("pipetwist", "socat")}
            - {(measure, "socat") for measure in _WITHOUT_SOCAT},
        )
        for sample in results["samples"]:
            key = {"fork-answer": "median", "unix-idle": "descriptors"}.get(
                sample["measure"], "rate"
            )
            self.assertGreater(sample["values"][key], 0, sample)
            self.assertIn(f"\n{sample['measure']}: ", f"\n{said}")

    def test_other_checkout(self) -> None:
        """Another checkout is a relay of its own, beside this one and in the same run, and so are
        the variants that log.
        """
        words = ["--quick", "--only", "logging", "--against", str(_ROOT)]
        relays = ["pipetwist", "pipetwist-info", "pipetwist-info-pipe", "pipetwist-info-json"]
        said = self.run_bench(*words, "--relays", ",".join(relays), "--out", str(self.out))
        results = json.loads(self.out.read_text(encoding="utf-8"))
        self.assertEqual(results["left_out"], [])
        self.assertEqual({sample["relay"] for sample in results["samples"]}, {*relays, "other"})
        self.assertIn("\n  other ", said)

    def test_peer_that_is_missing(self) -> None:
        """A peer that is not installed is left out with a line that says so, and the others are
        measured.
        """
        code = "import sys; from bench.__main__ import main; from bench.relays.socat import Socat; "
        code += "Socat.missing = lambda _: 'socat is on holiday'; sys.exit(main(sys.argv[1:]))"
        words = ["--quick", "--only", "unix-trips", "--out", str(self.out)]
        run = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("socat is left out: socat is on holiday\n", run.stdout)
        self.assertIn("  pipetwist ", run.stdout)
