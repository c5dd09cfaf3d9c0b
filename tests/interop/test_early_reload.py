"""SIGHUP while the daemon is still being started: what asks for a reload, and must not end it."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.gates import Gates
from tests.support.daemon import TWIST, TWISTD, write_configuration
from tests.support.scratch import has_ended, listens, scratch_folder, wait_until

# The first module of ours that is loaded but for what keeps the signal, and one that the service
# loads while it is made.
_MODULES = ("pipetwist.tap", "prometheus_client")
_TAKEN = "configuration reloaded; outbounds changed: out"


def _configuration(command: str) -> dict[str, Any]:
    return {
        "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
        "outbounds": [{"type": "fork", "tag": "out", "command": [command]}],
        "metrics": {"listen": "127.0.0.1:0"},
    }


class EarlyReloadTest(SynchronousTestCase):
    """A daemon that stops at gates on its way to its service."""

    def setUp(self) -> None:
        """Choose the places, and write a configuration that changes before the daemon runs."""
        self.folder = scratch_folder(self)
        self.path = write_configuration(self.folder, _configuration("cat"))
        self.gates = Gates(self, self.folder, _MODULES)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start it, hang up on it at every gate, and change the configuration after it was read."""
        self.output = self.folder / "output"
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                [*command, "pipetwist", "-c", str(self.path)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env=self.gates.environment,
                pass_fds=self.gates.descriptors,
            )
        self.gates.started()
        self.addCleanup(_end, process)
        for module in _MODULES:
            self.assertEqual(self.gates.wait(), module, self.output.read_text(encoding="utf-8"))
            for _ in range(3):
                process.send_signal(signal.SIGHUP)
            if module == _MODULES[-1]:
                write_configuration(self.folder, _configuration("rev"))
            self.gates.open()
        return process

    def test_foreground(self) -> None:
        """However often it is told to reload before it runs, it starts, and reloads once it does;
        with twistd and with twist.
        """
        for number, command in enumerate(
            ((*TWISTD, "-n", "--pidfile="), (*TWIST, "--log-format=text"))
        ):
            if number:
                self.path = write_configuration(self.folder, _configuration("cat"))
                (self.folder / "again").mkdir()
                self.gates = Gates(self, self.folder / "again", _MODULES)
            process = self.start(*command)
            wait_until(lambda: _TAKEN in self.said(self.output), "the reload")
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            self.assertEqual(self.said(self.output).count("configuration reloaded"), 1)

    def test_daemon(self) -> None:
        """So does one in the background: what came before it went there is not lost."""
        log, pidfile = self.folder / "log", self.folder / "pid"
        process = self.start(*TWISTD, f"--pidfile={pidfile}", f"--logfile={log}")
        self.assertEqual(process.wait(60), 0, self.said(self.output))
        pid = int(pidfile.read_text(encoding="ascii"))
        self.addCleanup(_kill, pid)
        wait_until(lambda: _TAKEN in self.said(log), "the reload")

    def said(self, file: Path) -> str:
        """What is in a file of output or a log."""
        return file.read_text(encoding="utf-8", errors="replace")


class EarlyTerminalTest(SynchronousTestCase):
    """A daemon that is being started in the foreground of a terminal."""

    def test_closed(self) -> None:
        """When its terminal is closed meanwhile it ends: nobody could stop it later."""
        self.assertEqual(self.disconnect(), -signal.SIGHUP)

    def test_nohup(self) -> None:
        """Not so where it was started with nohup."""
        self.assertEqual(self.disconnect("nohup"), None)

    def disconnect(self, *words: str) -> int | None:
        """Close the terminal while it stands at a gate.

        Returns:
            How it ended; None if it listens afterwards.
        """
        folder = scratch_folder(self)
        path = write_configuration(folder, _configuration("cat"))
        gates = Gates(self, folder, _MODULES[1:])
        command = [
            *words,
            *TWISTD,
            "-n",
            "--pidfile=",
            "--logfile=log",
            "pipetwist",
            "-c",
            str(path),
        ]
        child, terminal = pty.fork()
        if not child:
            os.chdir(folder)
            for descriptor in gates.descriptors:
                os.set_inheritable(descriptor, True)
            os.execvpe(command[0], command, gates.environment)
        gates.started()
        self.addCleanup(_reap, child)
        self.assertEqual(gates.wait(), _MODULES[1])
        os.close(terminal)
        with contextlib.suppress(BrokenPipeError):  # it may have ended by now
            gates.open()
        wait_until(
            lambda: has_ended(child) or listens(folder / "in.sock"),
            "the daemon to end or to listen",
            60,
        )
        status = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return (
            None
            if status is None
            else -status.si_status
            if status.si_code == os.CLD_KILLED
            else status.si_status
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait(20)


def _kill(pid: int) -> None:
    if not has_ended(pid):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: has_ended(pid), "the daemon to end")


def _reap(child: int) -> None:
    _kill(child)
    os.waitpid(child, 0)
