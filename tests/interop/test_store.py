"""Counters in a file, over the ends of real daemons."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.storage.layout import STEP, parse
from pipetwist.storage.offline import forget_counters, read_counters, remarks
from tests.support.counter_files import close, open_store
from tests.support.daemon import TWISTD, run_to_end, start_daemon, write_configuration
from tests.support.scratch import has_ended, scratch_folder, wait_until

_UPLINK = "inbound>>>in>>>traffic>>>uplink"


class StoreTest(SynchronousTestCase):
    """A daemon that echoes, and keeps its counters in a file."""

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)
        self.file = self.folder / "counters.db"

    def test_stopped_and_killed(self) -> None:
        """A daemon goes on counting where the last one was stopped, or killed, and the file says
        which it was.
        """
        killed = 0
        for round_, end in enumerate(("kill", "stop", "kill", "kill", "stop"), 1):
            daemon = start_daemon(self, _configuration(), folder=self.folder)
            _say(self.folder / "in.sock", b"hello")
            # Who is killed may not have written its last lines.
            wait_until(
                lambda daemon=daemon, lines=killed: (  # type: ignore[misc]  # mypy can't infer it
                    daemon.log.count("did not shut down cleanly") == lines
                ),
                "what it found",
            )
            killed += end == "kill"
            # The command has echoed it, so it was read, and counted.
            getattr(daemon, end)()
            self.assertEqual(_totals(self.file), [5 * round_, 5 * round_])
            self.assertEqual(bool(remarks(self.file)), end == "kill")
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_users_who_have_gone(self) -> None:
        """What the configuration counts no more stays in the file, until it is forgotten."""
        start_daemon(self, _configuration(), folder=self.folder).kill()
        daemon = start_daemon(self, _configuration(), folder=self.folder)
        _say(self.folder / "in.sock", b"hello")
        daemon.stop()
        daemon = start_daemon(
            self, _configuration(inbounds=[], outbounds=["out"]), folder=self.folder
        )
        _say(self.folder / "in.sock", b"hi")
        daemon.stop()
        self.assertEqual(
            {name: total for name, total, _ in read_counters(self.file) if name.endswith("uplink")},
            {_UPLINK: 5, "outbound>>>out>>>traffic>>>uplink": 2},
        )
        self.assertEqual(forget_counters(self.file, [_UPLINK]), [_UPLINK])
        start_daemon(self, _configuration(inbounds=[]), folder=self.folder).stop()
        self.assertNotIn(_UPLINK, [figures.name for figures in read_counters(self.file)])

    def test_two_daemons(self) -> None:
        """Of two daemons on one file, the first in the background, the second does not start, with
        one line, and the first goes on.
        """
        path = write_configuration(self.folder, _configuration())
        pidfile = self.folder / "pid"
        first = run_to_end(
            self.folder,
            [*TWISTD, f"--pidfile={pidfile}", "--logfile=log", "pipetwist", "--config", str(path)],
        )
        self.assertEqual((first.returncode, first.stderr), (0, ""))
        pid = int(pidfile.read_text(encoding="ascii"))
        self.addCleanup(_kill, pid)
        _say(self.folder / "in.sock", b"hello")
        other = self.folder / "other"
        other.mkdir()
        configuration = write_configuration(other, _configuration(store=str(self.file)))
        for more in (["-n", "--pidfile="], ["--pidfile=other.pid", "--logfile=other.log"]):
            second = run_to_end(
                self.folder, [*TWISTD, *more, "pipetwist", "--config", str(configuration)]
            )
            self.assertEqual(second.returncode, 1)
            self.assertEqual(
                [line for line in second.stderr.splitlines() if line.startswith("pipetwist:")],
                [
                    (
                        f"pipetwist: {self.file}: a running daemon uses this file; stop it first, "
                        "or choose another path"
                    )
                ],
            )
            self.assertNotIn("Traceback", second.stderr)
        _say(self.folder / "in.sock", b"hello")
        _kill(pid)
        self.assertEqual(_totals(self.file), [10, 10])
        start_daemon(self, _configuration(store=str(self.file)), folder=other).stop()

    def test_damaged(self) -> None:
        """A damaged file keeps the daemon from starting, with one line and status 1, and stays as
        it is.
        """
        daemon = start_daemon(self, _configuration(), folder=self.folder)
        _say(self.folder / "in.sock", b"hello")
        daemon.kill()
        data = bytearray(self.file.read_bytes())
        data[64 + 18] ^= 4
        self.file.write_bytes(data)
        started = run_to_end(
            self.folder, [*TWISTD, "-n", "--pidfile=", "pipetwist", "--config", "pipetwist.json"]
        )
        self.assertEqual(started.returncode, 1)
        self.assertIn(
            f"pipetwist: {self.file}: the file is damaged: what it says of "
            "inbound>>>in>>>traffic>>>",
            started.stderr,
        )
        self.assertEqual(self.file.read_bytes(), bytes(data))

    def test_full_disk(self) -> None:
        """Where there is no room for a new counter the relay goes on, says so, and counts on in the
        file what is there.
        """
        store = open_store(self.file)
        for name in (_UPLINK, _UPLINK.replace("up", "down"), *map(str, range(1020))):
            store.counter(name)
        close(store)
        self.assertLess(STEP - parse(self.file.read_bytes()).end, 64)
        # So that no file of the daemon's gets larger than that; ulimit counts by 512 bytes.
        limited = ("sh", "-c", 'ulimit -f 128; exec "$@"', "sh")
        command = (*limited, *TWISTD, "-n", "--pidfile=")
        daemon = start_daemon(
            self, _configuration(outbounds=["out"]), folder=self.folder, command=command
        )
        for number in (1, 2):
            _say(self.folder / "in.sock", b"hello")
            self.assertEqual(
                [figures.total for figures in read_counters(self.file) if figures.total],
                [5 * number] * 2,
            )
        told = (
            "There is no room in {} for the counter outbound>>>out>>>traffic>>>uplink: File too "
            "large. It is kept in memory"
        )
        wait_until(lambda: daemon.log.count(told.format(self.file)) == 1, "what it found")
        daemon.stop()
        self.assertEqual(daemon.log.count(told.format(self.file)), 2)
        self.assertEqual(remarks(self.file), [])

    def test_other_user(self) -> None:
        """With ``--uid`` the file belongs to the user that the daemon runs as."""
        if os.geteuid() != 0:
            message = "only root can change users"
            raise SkipTest(message)
        self.folder.chmod(0o777)
        command = (*TWISTD, "-n", "--pidfile=", "--uid=65534", "--gid=65534")
        start_daemon(self, _configuration(), folder=self.folder, command=command).stop()
        self.assertEqual(self.file.stat().st_uid, 65534)


def _configuration(store: str = "counters.db", **stats: Any) -> dict[str, Any]:
    counted = {"enabled": True, "inbounds": ["in"], "store": store, **stats}
    return {
        "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
        "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
        "experimental": {"v2ray_api": {"stats": counted}},
    }


def _say(path: Path, data: bytes) -> None:
    """Send this, and read its echo to the end."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(path))
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while piece := client.recv(4096):
            heard += piece
        assert heard == data


def _totals(file: Path) -> list[int]:
    return [figures.total for figures in read_counters(file)]


def _kill(pid: int) -> None:
    if not has_ended(pid):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: has_ended(pid), "the daemon to end")
