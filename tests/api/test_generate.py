"""The command that makes the modules of pipetwist/api/wire, and its check."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.programs import ROOT, run_python

_WIRE = Path("pipetwist", "api", "wire")


class GenerateTest(SynchronousTestCase):
    """The command on a copy of what is checked in."""

    def setUp(self) -> None:
        """Copy what is checked in."""
        if importlib.util.find_spec("grpc_tools") is None:
            message = "grpcio-tools is not installed"
            raise SkipTest(message)
        self.root = Path(self.mktemp()).absolute()
        shutil.copytree(
            ROOT / _WIRE, self.root / _WIRE, ignore=shutil.ignore_patterns("__pycache__")
        )

    def run_command(
        self, *arguments: str, root: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it."""
        return run_python(
            str(ROOT / "proto" / "generate.py"), "--root", str(root or self.root), *arguments
        )

    def test_checked_in(self) -> None:
        """What is checked in is what the .proto files give."""
        outcome = self.run_command("--check", root=ROOT)
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))

    def test_stale(self) -> None:
        """A module that differs, is missing or has no .proto file any more is named, with the
        command that helps.
        """
        (self.root / _WIRE / "stats_pb2.py").write_text("old", encoding="ascii")
        (self.root / _WIRE / "stats_pb2.pyi").unlink()
        (self.root / _WIRE / "gone_pb2.py").write_text("", encoding="ascii")
        outcome = self.run_command("--check")
        self.assertEqual(outcome.returncode, 1)
        for name in ("stats_pb2.py", "stats_pb2.pyi", "gone_pb2.py"):
            self.assertIn(f"pipetwist/api/wire/{name}", outcome.stderr)
        self.assertIn("run: python proto/generate.py", outcome.stderr)
        self.assertEqual((self.root / _WIRE / "stats_pb2.py").read_text(encoding="ascii"), "old")

    def test_generates(self) -> None:
        """Without --check it makes them, the same whenever it runs."""
        (self.root / _WIRE / "stats_pb2.py").write_text("old", encoding="ascii")
        self.assertEqual(self.run_command().returncode, 0)
        self.assertEqual(self.run_command("--check").returncode, 0)
        for name in ("stats_pb2.py", "stats_pb2.pyi"):
            self.assertEqual(
                (self.root / _WIRE / name).read_bytes(), (ROOT / _WIRE / name).read_bytes()
            )

    def test_other_protoc(self) -> None:
        """Another version of protoc than the one that is pinned is refused, with the command that
        installs that one.
        """
        program = (
            "import importlib.metadata, runpy, sys\n"
            "importlib.metadata.version = lambda name: '1.0'\n"
            "sys.argv = ['generate.py', "
            f"'--check']\nrunpy.run_path({str(ROOT / 'proto' / 'generate.py')!r}, "
            "run_name='__main__')"
        )
        outcome = run_python("-c", program)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("grpcio-tools is 1.0 here", outcome.stderr)
        self.assertIn("pip install grpcio-tools==", outcome.stderr)
