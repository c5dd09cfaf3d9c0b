"""Where the log goes: a reader that stands still, files that are full, and what is left to say at
the end.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import (
    FOREGROUND,
    TWIST,
    TWISTD,
    Configuration,
    Daemon,
    daemon_environment,
    start_daemon,
    write_configuration,
)
from tests.support.scratch import scratch_folder, wait_until


class ReaderTest(SynchronousTestCase):
    """A daemon that logs into a pipe."""

    def setUp(self) -> None:
        """Make a pipe in which there is no room, as after a reader that has been standing still for
        long.
        """
        self.folder = scratch_folder(self)
        self.reading, self.writing = os.pipe()
        self.addCleanup(os.close, self.reading)
        self.addCleanup(self.close_writing)
        os.set_blocking(self.writing, False)
        try:
            while True:
                os.write(self.writing, b"\n")
        except BlockingIOError:
            os.set_blocking(self.writing, True)

    def start(self, configuration: Configuration, command: Sequence[str] | None = None) -> Daemon:
        """Start a daemon that writes into the pipe, of which it then has the only end."""
        daemon = start_daemon(
            self, configuration, folder=self.folder, command=command, output=self.writing
        )
        self.close_writing()
        return daemon

    def close_writing(self) -> None:
        """Let the daemon alone have that end."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    def read_until(self, wanted: bytes) -> bytes:
        """Read on until something was read, or until the end."""
        os.set_blocking(self.reading, False)
        read = bytearray()

        def found() -> bool:
            try:
                piece = os.read(self.reading, 1 << 16)
            except BlockingIOError:
                return False
            read.extend(piece)
            return not piece or wanted in read

        wait_until(found, f"{wanted!r} to be read")
        return bytes(read)

    def test_stands_still(self) -> None:
        """Nobody reads the log, and connections go on; SIGTERM ends the daemon as ever. So it is
        with twist, and with a JSON log.
        """
        for command, form in ((FOREGROUND, "text"), (FOREGROUND, "json"), (TWIST, "text")):
            daemon = start_daemon(
                self,
                _configuration(format=form),
                folder=self.folder,
                command=command,
                output=self.writing,
            )
            for _ in range(3):
                self.assertEqual(_echo(self.folder), b"hello")
            daemon.stop()

    def test_reads_on(self) -> None:
        """Once the reader goes on it gets every line, from the first to the last one of the
        stop.
        """
        daemon = self.start(_configuration())
        for _ in range(5):
            self.assertEqual(_echo(self.folder), b"hello")
        said = self.read_until(b"starting up.")
        daemon.process.send_signal(signal.SIGTERM)
        said += self.read_until(b"nothing more")
        self.assertEqual(daemon.process.wait(20), -signal.SIGTERM)
        self.assertIn(b" starting up.\n", said)
        # A client hears of its end before the line is logged.
        self.assertEqual(
            sorted(re.findall(rb"\] ([0-9]+) in -> out", said)), [b"1", b"2", b"3", b"4", b"5"]
        )
        self.assertTrue(said.endswith(b"Server Shut Down.\n"), said[-300:])

    def test_no_start(self) -> None:
        """A start that fails has its one line on standard error and status 1, and no line of the
        log before it is lost.
        """
        (self.folder / "in.sock").touch()
        path = write_configuration(self.folder, _configuration())
        ended = subprocess.run(
            [*FOREGROUND, "pipetwist", "--config", str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.folder,
            env=daemon_environment(),
            timeout=60,
            check=False,
        )
        self.assertEqual((ended.returncode, ended.stderr.count(b"\n")), (1, 1), ended.stderr)
        self.assertIn(b"in.sock exists and is not a socket", ended.stderr)
        self.assertIn(b" starting up.\n", ended.stdout)


class FilesTest(SynchronousTestCase):
    """A daemon that logs to a file."""

    def setUp(self) -> None:
        """Choose the folder and the file."""
        self.folder = scratch_folder(self)
        self.log = self.folder / "own.log"

    def start(self, *options: str, **log: Any) -> Daemon:
        """Start a daemon that logs to the file."""
        return start_daemon(
            self,
            _configuration(**log),
            folder=self.folder,
            command=(*FOREGROUND, f"--logfile={self.log}", *options),
        )

    def names(self) -> list[str]:
        """The log's files."""
        return sorted(
            path.name for path in self.folder.iterdir() if path.name.startswith("own.log")
        )

    def test_full(self) -> None:
        """A file that is full becomes FILE.1, and no more than max_files of them are kept; the last
        line is in the last one.
        """
        self.log.with_name("own.log.7").write_text("from before\n", encoding="utf-8")
        daemon = self.start(max_size="1KB", max_files=2)
        for _ in range(30):
            self.assertEqual(_echo(self.folder), b"hello")
        daemon.stop()
        self.assertEqual(self.names(), ["own.log", "own.log.1", "own.log.2"])
        texts = [
            (self.folder / name).read_text(encoding="utf-8")
            for name in ("own.log.2", "own.log.1", "own.log")
        ]
        self.assertLessEqual(max(map(len, texts)), 1000)
        numbers = re.findall(r"\] ([0-9]+) in -> out", "".join(texts))
        self.assertTrue(numbers)
        self.assertEqual(len(set(numbers)), len(numbers))
        self.assertTrue(texts[-1].endswith("Server Shut Down.\n"), texts[-1])

    def test_other_user(self) -> None:
        """So it is with ``--uid``, though root has opened the file: it belongs to the user."""
        if os.geteuid() != 0:
            message = "only root can change users"
            raise SkipTest(message)
        os.chown(self.folder, 65534, 65534)
        daemon = self.start("--uid=65534", "--gid=65534", max_size="1KB", max_files=2)
        for _ in range(30):
            self.assertEqual(_echo(self.folder), b"hello")
        daemon.stop()
        self.assertEqual(self.names(), ["own.log", "own.log.1", "own.log.2"])
        self.assertEqual({(self.folder / name).stat().st_uid for name in self.names()}, {65534})

    def test_removed(self) -> None:
        """A log that was removed comes back at SIGUSR1."""
        daemon = self.start()
        self.log.unlink()
        daemon.process.send_signal(signal.SIGUSR1)
        wait_until(self.log.exists, "the log to come back")
        self.assertEqual(_echo(self.folder), b"hello")
        daemon.stop()
        self.assertIn("] 1 in -> out", self.log.read_text(encoding="utf-8"))
        self.assertEqual(self.names(), ["own.log"])

    def test_appended(self) -> None:
        """What somebody else writes to the log is not written over, nor is what was there
        before.
        """
        self.log.write_text("before\n", encoding="utf-8")
        daemon = self.start()
        with self.log.open("a", encoding="utf-8") as other:
            other.write("meanwhile\n")
        daemon.stop()
        lines = self.log.read_text(encoding="utf-8").splitlines()
        self.assertEqual(lines[0], "before")
        self.assertIn("meanwhile", lines)
        self.assertTrue(lines[-1].endswith("Server Shut Down."))

    def test_daemon(self) -> None:
        """A daemon that forks writes its log too, from the first line to the last, and says in it
        what can't be had.
        """
        path = write_configuration(self.folder, _configuration())
        pidfile = self.folder / "pid"
        command = [
            *TWISTD,
            f"--pidfile={pidfile}",
            f"--logfile={self.log}",
            "pipetwist",
            "--config",
            str(path),
        ]
        subprocess.run(command, cwd=self.folder, env=daemon_environment(), timeout=60, check=True)
        pid = int(pidfile.read_text(encoding="ascii"))
        self.addCleanup(_kill, pid)
        self.assertEqual(_echo(self.folder), b"hello")
        os.kill(pid, signal.SIGTERM)
        wait_until(
            lambda: "Server Shut Down." in self.log.read_text(encoding="utf-8"), "the last line"
        )
        text = self.log.read_text(encoding="utf-8")
        self.assertIn(" starting up.\n", text)
        self.assertIn("] 1 in -> out", text)


def _configuration(**log: Any) -> dict[str, Any]:
    return {
        "log": log,
        "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
        "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
    }


def _echo(folder: Path) -> bytes:
    """Say something, end, and read the whole answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(folder / "in.sock"))
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(100):
            answer += piece
        return answer


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
