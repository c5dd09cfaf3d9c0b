"""What becomes of a daemon when the wall clock is put back or forward: nothing but its dates."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.wall import Wall, sweep
from tests.support.daemon import FOREGROUND, TWIST, Daemon, start_daemon
from tests.support.scratch import free_port, has_ended, listens, scratch_folder, wait_until

_HOUR = 3600


class WallClockTest(SynchronousTestCase):
    """A daemon in front of a command, and somebody who sets the clock."""

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "in.sock"
        self.wall = Wall(self.folder)

    def start(
        self,
        *,
        command: Sequence[str] = ("cat",),
        inbound: Mapping[str, Any] | None = None,
        outbound: Mapping[str, Any] | None = None,
        run: Sequence[str] = FOREGROUND,
        environment: Mapping[str, str] | None = None,
        **keys: Any,
    ) -> Daemon:
        """Start the daemon with these keys in its configuration."""
        configuration = {
            "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock", **(inbound or {})}],
            "outbounds": [{"type": "fork", "tag": "out", "command": command, **(outbound or {})}],
            **keys,
        }
        return start_daemon(
            self,
            configuration,
            folder=self.folder,
            command=run,
            environment={**self.wall.environment, **(environment or {})},
        )

    def connect(self) -> socket.socket:
        """A client that the command answers to."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(self.path))
        return client

    def exchange(self, client: socket.socket) -> None:
        """Send a byte and get it back."""
        client.sendall(b"x")
        self.assertEqual(client.recv(1), b"x")

    def test_watchdog(self) -> None:
        """A minute back, and the service manager still hears that the daemon is alive."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(self.folder / "notify"))
        manager.settimeout(60)
        environment = {"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "400000"}
        for run in (FOREGROUND, TWIST):
            self.wall.put(0)
            daemon = self.start(run=run, environment=environment)
            while b"WATCHDOG=1" not in manager.recv(4096):
                pass
            self.wall.put(-60)
            heard = 0
            while heard < 3:  # the first may have been said before
                heard += b"WATCHDOG=1" in manager.recv(4096)
            daemon.stop()
            manager.setblocking(False)
            while _says_something(manager):
                pass
            manager.settimeout(60)

    def test_idle(self) -> None:
        """An hour back, and a connection in which nothing moves ends when it should."""
        daemon = self.start(inbound={"idle_timeout": "1s"})
        client = self.connect()
        self.exchange(client)
        self.wall.put(-_HOUR)
        self.assertEqual(client.recv(1), b"")
        wait_until(lambda: "no byte moved for 1 s" in daemon.log, "the line")
        daemon.stop()

    def test_kill_grace(self) -> None:
        """An hour back while a command does not heed SIGTERM, and it is killed when it should
        be.
        """
        heard = self.folder / "heard"
        script = f"trap ': > {heard}' TERM; echo $$; while :; do sleep 0.1; done"
        daemon = self.start(
            command=("sh", "-c", script),
            outbound={"kill_grace": "3s"},
            inbound={"idle_timeout": "100ms"},
        )
        client = self.connect()
        pid = int(client.recv(99))
        wait_until(heard.exists, "the command to be told")
        self.wall.put(-_HOUR)
        wait_until(lambda: has_ended(pid), "the command to be killed")
        daemon.stop()

    def test_drain(self) -> None:
        """An hour back while a stop waits for a connection, and the daemon ends when it should."""
        daemon = self.start(drain_timeout="3s")
        client = self.connect()
        self.exchange(client)
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not self.path.exists(), "the stop to begin")
        self.wall.put(-_HOUR)
        self.assertEqual(daemon.process.wait(20), -signal.SIGTERM)

    def test_forward(self) -> None:
        """An hour forward, and no connection ends before its time, be it open both ways or half
        closed.
        """
        daemon = self.start(
            command=("sh", "-c", "while read line; do echo $line; done; sleep 600"),
            inbound={"idle_timeout": "10m", "half_close_timeout": "5m"},
            outbound={"kill_grace": "100ms"},
            drain_timeout="100ms",
        )
        clients = [self.connect() for _ in range(3)]
        for client in clients:
            client.sendall(b"x\n")
            self.assertEqual(client.recv(9), b"x\n")
        clients[1].shutdown(socket.SHUT_WR)
        for hours in range(3):
            self.wall.put(hours * _HOUR)
            for _ in range(3):  # so often has the reactor looked at its timers in between
                clients[2].sendall(b"y\n")
                self.assertEqual(clients[2].recv(9), b"y\n")
        clients[0].sendall(b"z\n")
        self.assertEqual(clients[0].recv(9), b"z\n")
        clients[1].setblocking(False)
        self.assertRaises(BlockingIOError, clients[1].recv, 1)
        self.assertNotIn("no byte moved", daemon.log)
        daemon.stop()

    def test_dates(self) -> None:
        """Dates are those of the clock on the wall: the log's, the metrics' and the page's; how
        long it has been up is not told by them.
        """
        port = free_port(self)
        daemon = self.start(metrics={"listen": f"127.0.0.1:{port}"}, log={"format": "json"})
        wait_until(lambda: listens(port), "the page's listener")
        began = self.snapshot(port)
        for ahead in (-_HOUR, _HOUR):
            self.wall.put(ahead)
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
                self.near(ahead, parsedate_to_datetime(answer.headers["Date"]))
            # One that was read before the step may be told for a second more.
            wait_until(
                lambda ahead=ahead: self.is_near(ahead, self.snapshot(port)["time"]),  # type: ignore[misc]  # mypy can't infer it
                "figures of after the step",
            )
            snapshot = self.snapshot(port)
            self.near(ahead, datetime.fromtimestamp(snapshot["time"], timezone.utc))
            self.assertEqual(snapshot["started"], began["started"])
            self.assertTrue(began["uptime"] <= snapshot["uptime"] < _HOUR / 2, snapshot)
            daemon.process.send_signal(signal.SIGHUP)
            reloads = 1 if ahead < 0 else 2
            wait_until(
                lambda reloads=reloads: len(_reloads(daemon)) == reloads,  # type: ignore[misc]  # mypy can't infer it
                "a line of the log",
            )
            self.near(ahead, datetime.fromisoformat(_reloads(daemon)[-1]["time"]))

    def snapshot(self, port: int) -> Any:
        """The page's figures."""
        with urlopen(f"http://127.0.0.1:{port}/api/snapshot", timeout=60) as answer:
            return json.load(answer)

    def near(self, ahead: int, date: datetime) -> None:
        """Check that this is about what the wall says, with so many seconds on top."""
        self.assertTrue(self.is_near(ahead, date.timestamp()), date)

    def is_near(self, ahead: int, seconds: float) -> bool:
        """Whether this is about what the wall says, with so many seconds on top."""
        return abs(seconds - time.time() - ahead) < _HOUR / 2


def _reloads(daemon: Daemon) -> list[Any]:
    """The log's lines that a reload has left there."""
    return [
        json.loads(line)
        for line in daemon.log.splitlines(keepends=True)
        if "configuration reloaded" in line and line.endswith("\n")
    ]


def _says_something(manager: socket.socket) -> bool:
    try:
        return manager.recv(4096) != b""
    except BlockingIOError:
        return False


class SweepTest(SynchronousTestCase):
    """What killed programs leave of a clock that was set does not trouble those that come later."""

    def test_sweep(self) -> None:
        """What is named after a process that has ended goes; what belongs to one that runs stays,
        and so does everything else.
        """
        folder = scratch_folder(self)
        ended = subprocess.Popen(["true"])
        ended.wait(60)
        names = [
            f"{kind}_{pid}"
            for kind in ("sem.faketime_sem", "faketime_shm")
            for pid in (ended.pid, os.getpid())
        ]
        for name in (*names, "faketime_shm", "sem.other_1"):
            (folder / name).touch()
        sweep(folder)
        left = sorted(path.name for path in folder.iterdir())
        self.assertEqual(
            left,
            sorted(
                [
                    f"faketime_shm_{os.getpid()}",
                    f"sem.faketime_sem_{os.getpid()}",
                    "faketime_shm",
                    "sem.other_1",
                ]
            ),
        )
