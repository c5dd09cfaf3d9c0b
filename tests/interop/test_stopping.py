"""What a stop and a crash leave behind: open connections drain, a stale socket is replaced, no
command outlives the daemon.
"""

from __future__ import annotations

import signal
import socket
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import start_daemon
from tests.support.scratch import has_ended, scratch_folder, wait_until


class StoppingTest(SynchronousTestCase):
    """A daemon in front of a command, and a client that keeps its connection open."""

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "in.sock"

    def test_drain(self) -> None:
        """SIGTERM accepts nobody new, lets an open connection finish, and then the daemon ends at
        once.
        """
        daemon = start_daemon(self, _configuration("60s"), folder=self.folder)
        client = self._enter()
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not self.path.exists(), "the socket to go")
        self.assertRaises(OSError, self._connect)
        client.sendall(b"still here")
        self.assertEqual(client.recv(100), b"still here")
        self.assertIsNone(daemon.process.poll())
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(client.recv(100), b"")
        daemon.process.wait(60)

    def test_drain_timeout(self) -> None:
        """A connection that does not finish is closed after the drain time-out, and its command
        ends with it.
        """
        daemon = start_daemon(
            self, _configuration("300ms", ["sh", "-c", "echo $$; exec cat"]), folder=self.folder
        )
        client = self._connect()
        pid = int(client.recv(100))
        began = time.monotonic()
        daemon.stop()
        self.assertGreaterEqual(time.monotonic() - began, 0.3)
        self.assertEqual(client.recv(100), b"")
        self.assertTrue(has_ended(pid))

    def test_asked_again(self) -> None:
        """A second signal logs what the stop waits for, and is no error."""
        daemon = start_daemon(self, _configuration("60s"), folder=self.folder)
        client = self._enter()
        daemon.process.send_signal(signal.SIGINT)
        wait_until(lambda: not self.path.exists(), "the stop to begin")
        for number in (signal.SIGTERM, signal.SIGINT):
            before = daemon.log.count(
                "already stopping; 1 open connections may continue for at most 60 s"
            )
            daemon.process.send_signal(number)
            wait_until(
                lambda before=before: daemon.log.count("already stopping") > before,  # type: ignore[misc]  # mypy can't infer it
                "an answer",
            )
        client.close()
        self.assertEqual(daemon.process.wait(60), -signal.SIGINT)
        self.assertNotIn("Traceback", daemon.log)

    def test_deaf_command(self) -> None:
        """A command that ignores SIGTERM, and its own child, are killed before the daemon ends."""
        script = "trap '' TERM; sleep 600 & echo $$ $!; wait; wait"
        daemon = start_daemon(
            self,
            _configuration("100ms", ["sh", "-c", script], kill_grace="200ms"),
            folder=self.folder,
        )
        pids = [int(word) for word in self._connect().recv(100).split()]
        self.assertEqual(len(pids), 2)
        daemon.stop()
        wait_until(lambda: all(map(has_ended, pids)), "the command and its child to end")

    def test_after_a_crash(self) -> None:
        """The socket that a killed daemon left is replaced by the next start."""
        start_daemon(self, _configuration("1s"), folder=self.folder).kill()
        self.assertTrue(self.path.exists())
        daemon = start_daemon(self, _configuration("1s"), folder=self.folder)
        client = self._connect()
        client.sendall(b"again")
        self.assertEqual(client.recv(100), b"again")
        client.close()
        daemon.stop()

    def test_path_of_another(self) -> None:
        """A socket that another process has put at the path since is not taken away."""
        daemon = start_daemon(self, _configuration("1s"), folder=self.folder)
        self.path.unlink()
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.bind(str(self.path))
        daemon.stop()
        self.assertTrue(self.path.exists())

    def _enter(self) -> socket.socket:
        """Connect, and be served: who only waits to be admitted is not open."""
        client = self._connect()
        client.sendall(b"x")
        self.assertEqual(client.recv(1), b"x")
        return client

    def _connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(self.path))
        return client


def _configuration(drain: str, command: list[str] | None = None, **keys: str) -> dict[str, Any]:
    return {
        "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
        "outbounds": [{"type": "fork", "tag": "out", "command": command or ["cat"], **keys}],
        "drain_timeout": drain,
    }
