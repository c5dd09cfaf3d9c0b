"""``pipetwist run``."""

from __future__ import annotations

import json
import signal
import socket
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.run import command
from tests.support.command_line import PROGRAM
from tests.support.daemon import daemon_environment
from tests.support.scratch import listens, scratch_folder, wait_until

_ECHO = {
    "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
    "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
}


class RunTest(SynchronousTestCase):
    """The daemon in the foreground."""

    def test_runs(self) -> None:
        """It relays as the process that the command was, and SIGTERM stops it in order."""
        folder = scratch_folder(self)
        (folder / "echo.json").write_text(json.dumps(_ECHO), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*PROGRAM, "run", "-c", "echo.json"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=daemon_environment(),
            )
        self.addCleanup(process.wait, 60)
        self.addCleanup(process.kill)
        wait_until(lambda: listens(folder / "in.sock"), "the socket")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(folder / "in.sock"))
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(100, socket.MSG_WAITALL), b"hello")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), -signal.SIGTERM)
        self.assertFalse((folder / "in.sock").exists())
        self.assertFalse((folder / "twistd.pid").exists())
        self.assertIn("in -> echo", (folder / "log").read_text(encoding="utf-8"))

    def test_bad(self) -> None:
        """A bad configuration ends it with status 1 and the problems."""
        folder = scratch_folder(self)
        (folder / "bad.json").write_text("{}", encoding="utf-8")
        ended = subprocess.run(
            [*PROGRAM, "run", "-c", "bad.json"],
            cwd=folder,
            capture_output=True,
            text=True,
            env=daemon_environment(),
            timeout=60,
            check=False,
        )
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertEqual(
            ended.stderr.splitlines()[0], "bad.json:1:1: inbounds: this required key is missing"
        )

    def test_folder(self) -> None:
        """Modules in the current folder, where others may write, are not loaded."""
        folder = scratch_folder(self)
        (folder / "twisted.py").write_text("print('mine')", encoding="utf-8")
        ended = subprocess.run(
            command("none.json"),
            cwd=folder,
            capture_output=True,
            text=True,
            env=daemon_environment(),
            timeout=60,
            check=False,
        )
        self.assertEqual(ended.returncode, 1)
        self.assertNotIn("mine", ended.stdout)
        self.assertIn("none.json: the file can't be read", ended.stderr)
