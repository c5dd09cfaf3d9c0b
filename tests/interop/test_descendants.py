"""What commands get of the daemon, and what the daemon ends of them: seen from outside, with a
daemon of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import FOREGROUND, TWIST, start_daemon
from tests.support.scratch import scratch_folder, wait_until

_RUNNERS = (FOREGROUND, TWIST)


def configuration(script: str, *ways: Mapping[str, object]) -> dict[str, Any]:
    """A command of the shell's behind an inbound for each way to start it."""
    tags = [str(number) for number, _ in enumerate(ways)]
    return {
        "inbounds": [{"type": "unix", "tag": tag, "path": f"{tag}.sock"} for tag in tags],
        "outbounds": [
            {"type": "fork", "tag": tag, "command": ["sh", "-c", script], **way}
            for tag, way in zip(tags, ways, strict=True)
        ],
        "route": {"rules": [{"inbound": [tag], "outbound": tag} for tag in tags]},
    }


def ask(folder: Path, number: int = 0) -> str:
    """Connect the inbound of this way, and take all that the command says."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(folder / f"{number}.sock"))
        client.shutdown(socket.SHUT_WR)
        said = b""
        while data := client.recv(4096):
            said += data
    return said.decode()


class DescriptorsTest(SynchronousTestCase):
    """What a command has open."""

    def test_inherited(self) -> None:
        """A command has standard input, output and error, and nothing that the daemon has from its
        own parent, however it is started.
        """
        folder = scratch_folder(self)
        inherited = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
        self.addCleanup(os.close, inherited)
        script = (
            f"for number in 0 1 2 {inherited}; do [ -e /proc/$$/fd/$number ] && echo $number; done"
        )
        ways: tuple[dict[str, object], ...] = (
            {},
            {"transfer": "stream"},
            {"prefork": 1},
            {"cwd": str(folder)},
        )
        for runner in _RUNNERS:
            daemon = start_daemon(
                self, configuration(script, *ways), command=runner, pass_fds=(inherited,)
            )
            self.assertEqual(
                [ask(daemon.folder, number) for number, _ in enumerate(ways)],
                ["0\n1\n2\n"] * len(ways),
            )
            daemon.stop()


class OrphansTest(SynchronousTestCase):
    """What commands leave behind in sessions of their own."""

    def orphan(self, folder: Path) -> int:
        """Have one left behind, which the test's clean-up kills; its number."""
        pid = int(ask(folder))
        self.addCleanup(self._kill, pid)
        return pid

    def _kill(self, pid: int) -> None:
        if exists(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def test_stop(self) -> None:
        """A process that has left its command's group survives the connection, and is ended when
        the daemon stops, with twistd and twist.
        """
        for runner in _RUNNERS:
            daemon = start_daemon(
                self, configuration(_LEAVES.format("exec sleep 1000"), {}), command=runner
            )
            pid = self.orphan(daemon.folder)
            self.assertTrue(exists(pid))
            daemon.stop()
            self.assertFalse(exists(pid))
            self.assertIn("orphaned processes of commands terminated", daemon.log)

    def test_stop_unheard(self) -> None:
        """One that does not hear SIGTERM, and what it starts itself, is killed when ``kill_grace``
        is over.
        """
        script = _LEAVES.format("trap : TERM; while :; do sleep 1000; done")
        daemon = start_daemon(self, configuration(script, {"kill_grace": "100ms"}))
        pid = self.orphan(daemon.folder)
        wait_until(lambda: b"trap" in Path(f"/proc/{pid}/cmdline").read_bytes(), "the shell")
        daemon.stop()
        self.assertFalse(exists(pid))

    def test_no_zombies(self) -> None:
        """One that ends while the daemon runs is waited for."""
        daemon = start_daemon(self, configuration(_LEAVES.format("read line"), {}))
        pid = self.orphan(daemon.folder)
        wait_until(lambda: not exists(pid), "it to be gone")
        daemon.stop()
        self.assertNotIn("orphaned processes", daemon.log)


# A descendant in a session of its own, which says its number once it is there; then the command
# says it, and ends.
_LEAVES = "echo $(setsid sh -c 'echo $$; exec >/dev/null; {}' </dev/null 2>/dev/null &)"


def exists(pid: int) -> bool:
    """Whether there is such a process, be it one that has ended and was not waited for."""
    return Path(f"/proc/{pid}").exists()
