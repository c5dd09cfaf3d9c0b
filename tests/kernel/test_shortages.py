"""Whole connections where the system is short of something, or an end fails: what becomes of them,
and the exact figures.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import Daemon, start_daemon
from tests.support.far_end import FarEnd
from tests.support.relaying import RelayCase
from tests.support.scratch import scratch_folder, wait_until

_CLIENTS = 10
_SERVED = 3
_TICK = 1 / os.sysconf("SC_CLK_TCK")


class DescriptorsTest(SynchronousTestCase):
    """A daemon that may have few descriptors."""

    timeout = 300

    def start(self, outbound: dict[str, Any]) -> Daemon:
        """Start a daemon, and let it have one connection, so that it has what stays."""
        self.folder = scratch_folder(self)
        self.listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listening.close)
        self.listening.bind(str(self.folder / "out.sock"))
        self.listening.listen(100)
        self.listening.settimeout(60)
        inbound = {"type": "unix", "tag": "in", "path": "in.sock"}
        daemon = start_daemon(
            self,
            {
                "inbounds": [inbound],
                "outbounds": [{"tag": "out", **outbound}],
                "drain_timeout": "100ms",
            },
            folder=self.folder,
        )
        with self.connect() as client:
            client.send(b"x")
            if outbound["type"] == "unix":
                self.serve().close()
            client.recv(1)
        wait_until(lambda: daemon.log.count(" in -> out") == 1, "the first connection's end")
        return daemon

    def leave(self, daemon: Daemon, count: int) -> None:
        """Let the daemon have so many descriptors more than it has, and no more."""
        open_ = {int(path.name) for path in Path(f"/proc/{daemon.pid}/fd").iterdir()}
        limit = 0
        while limit - len([number for number in open_ if number < limit]) < count:
            limit += 1
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (max(limit, max(open_) + 1), hard))

    def connect(self) -> socket.socket:
        """Connect a client; the test's clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(self.folder / "in.sock"))
        return client

    def serve(self) -> socket.socket:
        """Take the next connection to the server; the test's clean-up closes it."""
        server, _ = self.listening.accept()
        self.addCleanup(server.close)
        server.settimeout(60)
        return server

    def test_listener(self) -> None:
        """Of ten clients as many are served as there are descriptors for; the others wait, at no
        cost, and come in one by one.
        """
        daemon = self.start({"type": "unix", "path": "out.sock"})
        before = self.descriptors(daemon)
        self.leave(daemon, 2 * _SERVED)
        waiting = [self.connect() for _ in range(_CLIENTS)]
        for number, client in enumerate(waiting):
            client.send(b"%d" % number)
        servers = [self.serve() for _ in range(_SERVED)]
        wait_until(
            lambda: "can't accept a connection: Too many open files; trying again" in daemon.log,
            "the shortage to be told",
        )
        self.assertEqual(self.descriptors(daemon), before + 2 * _SERVED)
        used, began = self.processor_seconds(daemon), time.monotonic()
        wait_until(lambda: time.monotonic() - began > 0.5, "half a second to pass")
        self.assertLessEqual(self.processor_seconds(daemon) - used, 0.1)
        self.assertEqual(daemon.log.count("can't accept"), 1)
        said = []
        for _ in range(_CLIENTS):
            server = servers.pop(0)
            said.append(server.recv(9))
            server.close()
            waiting[len(said) - 1].close()
            if len(said) + len(servers) < _CLIENTS:
                servers.append(self.serve())
        self.assertEqual(said, [b"%d" % number for number in range(_CLIENTS)])
        wait_until(lambda: daemon.log.count(" in -> out") == _CLIENTS + 1, "all of them to end")
        self.assertEqual(daemon.log.count(" up=1 down=0: "), _CLIENTS + 1)
        wait_until(lambda: self.descriptors(daemon) == before, "the descriptors to be given back")
        daemon.stop()

    def test_connecting(self) -> None:
        """A client for whose other side there is no descriptor is closed, the log says why, and the
        next is served when there is.
        """
        daemon = self.start({"type": "unix", "path": "out.sock"})
        before = self.descriptors(daemon)
        self.leave(daemon, 3)
        first = self.connect()
        server = self.serve()
        self.assertEqual(self.connect().recv(1), b"")
        wait_until(lambda: daemon.log.count(" in -> out") == 2, "the line of the log")
        self.assertIn(
            f"up=0 down=0: cannot connect: {self.folder / 'out.sock'}: Too many open files",
            daemon.log,
        )
        first.send(b"still here")
        self.assertEqual(server.recv(99), b"still here")
        server.close()
        first.close()
        wait_until(lambda: self.descriptors(daemon) == before, "the descriptors to be given back")
        with self.connect() as client:
            client.send(b"hello")
            self.assertEqual(self.serve().recv(99), b"hello")
        daemon.stop()

    def test_command(self) -> None:
        """So is one for whose command there are not enough, wherever in its start they run out; no
        process is left.
        """
        daemon = self.start({"type": "fork", "command": ["/bin/sh", "-c", "echo hello; exec cat"]})
        before = self.descriptors(daemon)
        needed = 0
        while not self._starts(daemon, 1 + needed):
            needed += 1
            self.assertEqual(
                daemon.log.count("up=0 down=0: cannot connect: /bin/sh: Too many open files"),
                needed,
            )
            wait_until(
                lambda: self.descriptors(daemon) == before, "the descriptors to be given back"
            )
            self.assertEqual(self.children(daemon), [])
        # Both ends of three pipes, of which the daemon keeps one each, and what tells of the exit;
        # and the client.
        self.assertEqual((needed, self.descriptors(daemon) - before), (7, 3 + 1 + 1))
        self.clients.pop().close()
        wait_until(lambda: self.descriptors(daemon) == before, "the descriptors to be given back")
        daemon.stop()

    def _starts(self, daemon: Daemon, count: int) -> bool:
        """Whether a client's command is started where the daemon has so many descriptors left."""
        self.leave(daemon, count)
        finished = daemon.log.count(" in -> out")
        client = self.connect()
        self.clients = [client]

        def speaks() -> bool:
            with contextlib.suppress(BlockingIOError):
                return bool(client.recv(9, socket.MSG_DONTWAIT))
            return False

        wait_until(
            lambda: daemon.log.count(" in -> out") > finished or speaks(),
            "the command's words, or the connection's end",
        )
        return daemon.log.count(" in -> out") == finished

    def descriptors(self, daemon: Daemon) -> int:
        """How many the daemon has."""
        return sum(1 for _ in Path(f"/proc/{daemon.pid}/fd").iterdir())

    def children(self, daemon: Daemon) -> list[str]:
        """The daemon's children, ended ones that it has not waited for among them."""
        return [
            number
            for task in Path(f"/proc/{daemon.pid}/task").iterdir()
            for number in (task / "children").read_text().split()
        ]

    def processor_seconds(self, daemon: Daemon) -> float:
        """How long the daemon has used a processor so far (proc_pid_stat(5))."""
        fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK


class PipesTest(RelayCase):
    """More busy streams than there are pipes."""

    def test_full_pool(self) -> None:
        """All of them are carried to the last byte; no more pipes are lent than there are, and all
        come back.
        """
        self.kernel.pool.limit = 2
        size = 3_000_000
        connections = [self._sleepy(size) for _ in range(6)]
        everybody = [end for pair in connections for end in pair]
        self.pump_until(everybody, lambda: not self.pump(everybody), "everything to be full")
        self.assertEqual(self.kernel.pool.lent, 2)
        for end in everybody:
            end.let_go()
            end.finish()
        self.pump_until(
            everybody, lambda: all(end.done for end in everybody), "the end of everything"
        )
        self.assertEqual(
            [(server.came, server.failure) for _, server in connections], [(size, None)] * 6
        )
        self.assertEqual(self.counted(), (6 * size, 0))
        for end in everybody:
            end.close()
        self.nothing_is_left()

    def _sleepy(self, size: int) -> tuple[FarEnd, FarEnd]:
        """A client that sends so much, and a server that falls asleep once it has had enough for
        the kernel to splice.
        """
        client, server = self.connect()
        assert server is not None
        client.send(size)
        self.pump_until([client, server], lambda: server.came > 1_000_000, "the first megabyte")
        server.hold()
        return client, server


class FailingEndTest(RelayCase):
    """An end that takes no more, or is gone."""

    def test_no_more_taken(self) -> None:
        """What is sent to a server that takes no more is dropped and counted as read; what the
        server says still arrives (EPIPE).
        """
        client, server = self._connect()
        server.socket.shutdown(socket.SHUT_RD)
        client.send(300_000)
        server.send(5_000)
        self.pump_until(
            [client, server],
            lambda: client.sent == 300_000 and client.came == 5_000,
            "both to be passed on",
        )
        server.finish()
        self.pump_until([client, server], lambda: client.ended, "the server's end")
        client.finish()
        self._ends(client, server)
        self.assertEqual(self.counted(), (300_000, 5_000))
        self.assertEqual(self.lines[0]["reason"], "server closed; server: the connection was reset")

    def _connect(self) -> tuple[FarEnd, FarEnd]:
        client, server = self.connect()
        assert server is not None
        return client, server

    def _ends(self, client: FarEnd, server: FarEnd) -> None:
        self.pump_until(
            [client, server],
            lambda: self.nothing_is_open() and client.done and server.done,
            "the end of everything",
        )
        client.close()
        server.close()
        self.nothing_is_left()


class FailingTcpEndTest(FailingEndTest):
    """The same over TCP, which says so by a reset."""

    clients = "tcp"
    servers = "tcp"

    def test_no_more_taken(self) -> None:
        """A reset is named, whoever it comes from, after everything that came before it was
        delivered and counted (ECONNRESET).
        """
        for name in ("client", "server"):
            client, server = self._connect()
            client.send(70_000)
            server.send(50_000)
            self.pump_until(
                [client, server],
                lambda: (server.came, client.came) == (70_000, 50_000),  # noqa: B023
                "both to be passed on",
            )
            (client if name == "client" else server).reset()
            client.finish()
            server.finish()
            self._ends(client, server)
            self.assertEqual(self.counted(), (70_000, 50_000))
            self.assertTrue(
                str(self.lines.pop()["reason"]).startswith(f"{name}: the connection was reset")
            )
