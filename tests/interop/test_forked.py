"""A daemon that was forked, beside one that was started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.forked import ForkedProcess
from tests.support.daemon import FOREGROUND, Daemon, daemon_environment, start_daemon
from tests.support.scratch import has_ended, scratch_folder, wait_until

_INBOUND = {"type": "unix", "tag": "in", "path": "in.sock"}
_ENVIRONMENT = {
    "inbounds": [_INBOUND],
    "outbounds": [{"type": "fork", "tag": "out", "command": ["env"]}],
}
_SAME = {
    "Umask",
    "NSpgid",
    "NSsid",
    "Uid",
    "Gid",
    "Groups",
    "SigBlk",
    "SigIgn",
    "SigCgt",
    "NoNewPrivs",
    "Cpus_allowed",
}
# Has a daemon forked, says which it is, and waits.
_ASKER = """
import os, sys
from pathlib import Path
from tests.support.daemon import daemon_environment
from tests.interop.forked import fork_daemon
print(fork_daemon(["-n", "--pidfile=", "pipetwist", "-c", "pipetwist.json"], Path(sys.argv[1]), daemon_environment(), 2).pid, flush=True)
sys.stdin.read()
"""  # noqa: E501  # another language's text


class ForkedTest(SynchronousTestCase):
    """What `start_daemon` starts where no command is named."""

    def test_same(self) -> None:
        """It has the folder, descriptors, limits, signals, user, group of processes and variables
        of one that was started.
        """
        self.patch(os, "environ", {**os.environ, "HOME": "/set/meanwhile"})
        forked, started = (
            start_daemon(self, _ENVIRONMENT, command=command) for command in (None, FOREGROUND)
        )
        self.assertIsInstance(forked.process, ForkedProcess)
        self.assertIn("HOME=/set/meanwhile", _variables(forked))
        self.assertEqual(*map(_variables, (forked, started)))
        # Each opens some more when its reactor begins to run, and has the command's and the
        # client's for a moment.
        looks: list[Any] = []

        def same() -> bool:
            with contextlib.suppress(FileNotFoundError):  # a descriptor was closed meanwhile
                looks[:] = [_looks(forked), _looks(started)]
            return bool(looks) and looks[0] == looks[1]

        with contextlib.suppress(TimeoutError):
            wait_until(same, "both to be at rest")
        self.assertEqual(*looks)

    def test_stopped(self) -> None:
        """It is no child of this process, and runs until it is told to stop; then it has ended by
        the signal, whenever asked.
        """
        daemon = start_daemon(self, _ENVIRONMENT)
        _variables(daemon)  # before its reactor runs it would end with status 0
        self.assertRaises(subprocess.TimeoutExpired, daemon.process.wait, 0.01)
        self.assertIsNone(daemon.process.poll())
        self.assertRaises(ChildProcessError, os.waitpid, -1, os.WNOHANG)
        daemon.stop()
        self.assertEqual(
            (daemon.process.poll(), daemon.process.wait(), daemon.process.returncode),
            (-signal.SIGTERM,) * 3,
        )
        self.assertTrue(has_ended(daemon.pid))

    def test_killed(self) -> None:
        """Killed, it leaves its socket."""
        daemon = start_daemon(self, _ENVIRONMENT)
        daemon.kill()
        self.assertEqual(daemon.process.returncode, -signal.SIGKILL)
        self.assertTrue((daemon.folder / "in.sock").exists())
        daemon.process.terminate()

    def test_failed(self) -> None:
        """A start that fails ends with its status, and what it said is reported."""
        wrong: dict[str, Any] = {"inbounds": [_INBOUND], "outbounds": []}
        self.assertRegex(
            str(self.assertRaises(AssertionError, start_daemon, self, wrong)),
            r"status 1; it said:\n.*pipetwist\.json:\d+:\d+: outbounds: ",
        )

    def test_asker_gone(self) -> None:
        """The process that forks ends with the one that asks it, even where that is killed, and
        leaves the daemon alone. So it does where nobody watches the tests.
        """
        folder = scratch_folder(self)
        start_daemon(self, _ENVIRONMENT, folder=folder).stop()
        command = [sys.executable, "-c", _ASKER, str(folder)]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**daemon_environment(), "CI": "true"},
        ) as asker:
            assert asker.stdout is not None
            daemon = int(asker.stdout.readline())
            waiting = _parent(daemon)
            forge = _parent(waiting)
            self.assertFalse(has_ended(forge))
            asker.kill()
        wait_until(lambda: has_ended(forge), "the process that forks to end")
        self.assertFalse(has_ended(daemon))
        os.kill(daemon, signal.SIGKILL)
        wait_until(
            lambda: has_ended(daemon) and has_ended(waiting),
            "the daemon and who waits for it to end",
        )


def _variables(daemon: Daemon) -> list[str]:
    """The environment of a command of its."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(daemon.folder / "in.sock"))
        return sorted(client.makefile(encoding="utf-8").read().splitlines())


def _looks(daemon: Daemon) -> list[Any]:
    """What the kernel says of it that must not depend on how it has come to be."""
    process = Path(f"/proc/{daemon.pid}")
    status = [
        line
        for line in (process / "status").read_text(encoding="utf-8").splitlines()
        if line.partition(":")[0] in _SAME
    ]
    kinds = sorted(
        (int(path.name), path.readlink().name.partition("[")[0].partition(":")[0])
        for path in (process / "fd").iterdir()
    )
    return [
        status,
        kinds,
        (process / "limits").read_text(encoding="utf-8"),
        (process / "cwd").readlink() == daemon.folder,
    ]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
