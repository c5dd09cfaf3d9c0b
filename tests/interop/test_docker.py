"""etc/docker/: no container is built here, but what it is built from is looked at."""

from __future__ import annotations

import re
import shutil
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import run_to_end, start_daemon
from tests.support.markdown import ROOT
from tests.support.peers import need
from tests.support.scratch import free_port, scratch_folder

_FOLDER = ROOT / "etc" / "docker"


class DockerfileTest(SynchronousTestCase):
    """The Dockerfile."""

    def setUp(self) -> None:
        """Read it."""
        self.text = (_FOLDER / "Dockerfile").read_text(encoding="utf-8")

    def test_lint(self) -> None:
        """Hadolint finds nothing to complain of."""
        said = run_to_end(ROOT, [need("hadolint"), str(_FOLDER / "Dockerfile")])
        self.assertEqual((said.returncode, said.stdout, said.stderr), (0, "", ""))

    def test_copied(self) -> None:
        """What it copies is there and not ignored, and is all that an installation needs."""
        copied = [
            word
            for line in re.findall(r"^COPY (?!--)(.*)", self.text, re.MULTILINE)
            for word in line.split()[:-1]
        ]
        let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8")
        folder = scratch_folder(self)
        for name in copied:
            parts = name.rstrip("/").split("/")
            ways = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
            self.assertTrue(any(f"\n!{way}\n" in let_through for way in ways), name)
            if (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name,
                    folder / name,
                    ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"),
                )
            else:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        made = run_to_end(
            folder,
            [
                sys.executable,
                "-c",
                "from setuptools.build_meta import build_wheel; build_wheel('.')",
            ],
            120,
        )
        self.assertEqual(made.returncode, 0, made.stderr)

    def test_user(self) -> None:
        """It does not run as root."""
        self.assertEqual(re.findall(r"^USER (.*)", self.text, re.MULTILINE), ["10001:10001"])


class HealthTest(SynchronousTestCase):
    """The health check."""

    def test_health(self) -> None:
        """It is well where a daemon serves the API, and not where none does, which it says in a
        line.
        """
        port = free_port(self)
        command = [
            "env",
            f"PIPETWIST_SERVER=127.0.0.1:{port}",
            sys.executable,
            str(_FOLDER / "health.py"),
        ]
        sick = run_to_end(ROOT, command)
        self.assertEqual(sick.returncode, 1)
        self.assertTrue(sick.stderr.startswith("the health service does not answer: "), sick.stderr)
        self.assertNotIn("Traceback", sick.stderr)
        start_daemon(
            self,
            {
                "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
                "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
                "experimental": {"v2ray_api": {"listen": f"127.0.0.1:{port}"}},
            },
        )
        well = run_to_end(ROOT, command)
        self.assertEqual((well.returncode, well.stderr), (0, ""))
