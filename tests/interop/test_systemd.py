"""The daemon as systemd runs it: inherited sockets, its notifications, and the units in
etc/systemd/.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import Authority
from tests.support.daemon import (
    FOREGROUND,
    TWIST,
    TWISTD,
    daemon_environment,
    run_to_end,
    start_daemon,
    write_configuration,
)
from tests.support.markdown import ROOT
from tests.support.peers import need
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_UNITS = ROOT / "etc" / "systemd"
# Says what it has of the daemon's environment, and which descriptors it has.
_CURIOUS = "env | grep -E '^(LISTEN|NOTIFY|WATCHDOG)' | sort; ls /proc/self/fd | tr '\\n' ' '; cat"


def _configuration(*inbounds: dict[str, Any], command: str = _CURIOUS) -> dict[str, Any]:
    return {
        "inbounds": inbounds,
        "outbounds": [
            {"type": "fork", "tag": "out", "command": ["sh", "-c", command], "inherit_env": True}
        ],
    }


def _ask(address: Path | int) -> bytes:
    """Send a greeting and an end of file, and read the whole answer."""
    family, place = (
        (socket.AF_INET, ("127.0.0.1", address))
        if isinstance(address, int)
        else (socket.AF_UNIX, str(address))
    )
    with socket.socket(family) as client:
        client.settimeout(60)
        client.connect(place)
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        return client.makefile("rb").read()


class ActivationTest(SynchronousTestCase):
    """systemd-socket-activate opens the sockets, waits for the first client, and becomes the
    daemon.
    """

    def setUp(self) -> None:
        """Choose the places."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "in.sock"
        self.port = free_port(self)

    def activate(
        self, configuration: Mapping[str, Any], *options: str, command: tuple[str, ...] = FOREGROUND
    ) -> Path:
        """Have it wait for the first client; the file of what is said. The test's clean-up ends
        it.
        """
        path = write_configuration(self.folder, configuration)
        environment = [f"--setenv={name}" for name in ("PATH", "PYTHONPATH", "PYTHONUNBUFFERED")]
        log = self.folder / "log"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    need("systemd-socket-activate"),
                    *options,
                    *environment,
                    *command,
                    "pipetwist",
                    "-c",
                    str(path),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=daemon_environment(),
            )
        self.addCleanup(self._end)
        return log

    def test_activated(self) -> None:
        """Inbounds of these addresses listen with the sockets, let wait whoever came before, and
        commands learn nothing of it.
        """
        secure_port = free_port(self)
        inbounds = (
            {
                "type": "unix",
                "tag": "unix",
                "path": "in.sock",
                "mode": "0666",
                "users": [{"name": "me", "uid": os.geteuid()}],
            },
            {"type": "tcp", "tag": "tcp", "listen_port": self.port},
            {"type": "endpoint", "tag": "named", "endpoint": "systemd:domain=INET:name=c"},
        )
        addresses: list[Path | int] = [self.path, self.port, secure_port]
        names = [
            f"--listen={self.path}",
            f"--listen=127.0.0.1:{self.port}",
            f"--listen=127.0.0.1:{secure_port}",
            "--fdname=a:b:c",
        ]
        for command in (FOREGROUND, (*TWIST, "--log-format=text")):
            log = self.activate(_configuration(*inbounds), *names, command=command)
            wait_until(lambda: all(map(listens, addresses)), "the sockets")
            mode = self.path.stat().st_mode
            for address in addresses:
                # Standard streams, and the one that the folder is read by.
                self.assertEqual(_ask(address), b"0 1 2 3 hello", log.read_text(encoding="utf-8"))
            said = f"inbound unix listens on {self.path}, on an inherited socket"
            wait_until(lambda said=said, log=log: said in log.read_text(encoding="utf-8"), said)  # type: ignore[misc]  # mypy can't infer it
            self.assertEqual(self.path.stat().st_mode, mode)
            self._end()
            self.assertTrue(self.path.exists())
            self.path.unlink()

    def test_without_names(self) -> None:
        """Sockets need no names, and stay when their inbound goes, for a reload that brings it
        back.
        """
        configuration = _configuration({"type": "unix", "tag": "in", "path": "in.sock"})
        other = _configuration({"type": "unix", "tag": "other", "path": "other.sock"})
        log = self.activate(configuration, f"--listen={self.path}")
        wait_until(lambda: listens(self.path), "the socket")
        _ask(self.path)
        for reloaded, says in (
            (other, "its clients get no answer"),
            (configuration, "inbounds new: in"),
        ):
            write_configuration(self.folder, reloaded)
            self.process.send_signal(signal.SIGHUP)
            wait_until(lambda says=says: says in log.read_text(encoding="utf-8"), says)  # type: ignore[misc]  # mypy can't infer it
        self.assertEqual(_ask(self.path), b"0 1 2 3 hello")
        self.assertFalse((self.folder / "other.sock").exists())

    def test_unused(self) -> None:
        """A socket that no inbound listens at keeps the daemon from starting, which says so."""
        log = self.activate(
            _configuration({"type": "unix", "tag": "in", "path": "in.sock"}),
            f"--listen={self.folder / 'out.sock'}",
        )
        wait_until(lambda: listens(self.folder / "out.sock"), "the socket")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "out.sock"))
            self.assertEqual(self.process.wait(60), 1)
        said = f"pipetwist: {self.folder / 'out.sock'} was inherited, and no inbound listens there"
        self.assertIn(said, log.read_text(encoding="utf-8"))

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


class NotifyTest(SynchronousTestCase):
    """A service manager's socket."""

    def setUp(self) -> None:
        """Be the service manager."""
        self.folder = scratch_folder(self)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.folder / "notify"))
        self.manager.settimeout(60)

    def hear(self, wanted: str) -> list[str]:
        """What is said next that has this in it."""
        while True:
            said = self.manager.recv(4096).decode().splitlines()
            if any(line.startswith(wanted) for line in said):
                return said

    def test_life(self) -> None:
        """It says when it listens, that it is alive, how many connections are open, that it reloads
        and has reloaded, and that it stops.
        """
        inbound = {"type": "unix", "tag": "in", "path": "in.sock"}
        for command in (FOREGROUND, TWIST):
            daemon = start_daemon(
                self,
                _configuration(inbound),
                folder=self.folder,
                command=command,
                environment={
                    "NOTIFY_SOCKET": str(self.folder / "notify"),
                    "WATCHDOG_USEC": "400000",
                },
            )
            self.assertEqual(self.hear("READY=1"), ["READY=1", "STATUS=0 connections are open"])
            self.hear("WATCHDOG=1")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.folder / "in.sock"))
                self.hear("STATUS=1 connections are open")
            self.hear("STATUS=0 connections are open")
            self.assertEqual(_ask(self.folder / "in.sock"), b"0 1 2 3 hello")
            (self.folder / "pipetwist.json").write_text("bad", encoding="utf-8")
            daemon.process.send_signal(signal.SIGHUP)
            self.assertIn("MONOTONIC_USEC=", self.hear("RELOADING=1")[1])
            self.assertEqual(self.hear("READY=1")[0], "READY=1")
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(
                self.hear("STOPPING=1"), ["STOPPING=1", "EXTEND_TIMEOUT_USEC=30000000"]
            )
            daemon.process.wait(60)

    def test_failed(self) -> None:
        """Why it does not start is its status, be it found before it listens or then."""
        for configuration, said in (
            (
                _configuration({"type": "unix", "tag": "in", "path": "nowhere/in.sock"}),
                "STATUS=inbound in: there is no folder",
            ),
            (
                {
                    **_configuration({"type": "unix", "tag": "in", "path": "in.sock"}),
                    "outbounds": [_MISSING],
                },
                "STATUS=outbound out: there is no",
            ),
        ):
            path = write_configuration(self.folder, configuration)
            command = [
                "env",
                f"NOTIFY_SOCKET={self.folder / 'notify'}",
                *TWISTD,
                "-n",
                "--pidfile=",
                "pipetwist",
                "-c",
                str(path),
            ]
            self.assertEqual(run_to_end(self.folder, command).returncode, 1)
            self.hear(said)


_MISSING = {"type": "fork", "tag": "out", "command": ["no-such-command"]}


class UnitsTest(SynchronousTestCase):
    """The files in etc/systemd/."""

    def test_verify(self) -> None:
        """Systemd finds nothing to complain of."""
        folder = scratch_folder(self)
        for unit in _UNITS.iterdir():
            text = unit.read_text(encoding="utf-8")
            (folder / unit.name).write_text(
                re.sub(r"/opt/\S+/twistd", sys.executable, text), encoding="utf-8"
            )
        said = run_to_end(folder, [need("systemd-analyze"), "verify", *map(str, folder.iterdir())])
        self.assertEqual((said.returncode, said.stdout, said.stderr), (0, "", ""))

    def test_security(self) -> None:
        """What an attacker who had taken the service over could do is 2.0 at most, by systemd's own
        measure.
        """
        command = [
            need("systemd-analyze"),
            "security",
            "--offline=true",
            "--threshold=20",
            "--no-pager",
        ]
        said = run_to_end(_UNITS, [*command, str(_UNITS / "pipetwist.service")])
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        self.assertIn("Overall exposure level for pipetwist.service: 1.", said.stdout)

    def test_confined(self) -> None:
        """What the service may not do is nothing that TLS, a command, datagrams, a file of
        counters, the API, metrics or a reload need.
        """
        need("systemd-analyze")
        folder = scratch_folder(self)
        authority = Authority(folder, "authority")
        certificate, key = map(str, authority.issue("localhost"))
        secure, datagrams, api, metrics = (free_port(self) for _ in range(4))
        tls = {
            "certificate_path": certificate,
            "key_path": key,
            "client_certificate_path": str(authority.path),
        }
        stats = {"enabled": True, "inbounds": ["secure", "in", "grams"], "store": "counters.db"}
        configuration = {
            "inbounds": [
                {"type": "tcp", "tag": "secure", "listen_port": secure, "tls": tls},
                {"type": "unix", "tag": "in", "path": "in.sock"},
                {"type": "udp", "tag": "grams", "listen_port": datagrams},
            ],
            "outbounds": [
                {"type": "fork", "tag": "out", "command": ["cat"], "prefork": 1},
                {"type": "fork", "tag": "framed", "command": ["cat"], "framing": "rfc4571"},
            ],
            "route": {"rules": [{"inbound": ["grams"], "outbound": "framed"}]},
            "experimental": {"v2ray_api": {"listen": f"127.0.0.1:{api}", "stats": stats}},
            "metrics": {"listen": f"127.0.0.1:{metrics}"},
        }
        confined = (
            sys.executable,
            "-m",
            "tests.interop.confined",
            str(_UNITS / "pipetwist.service"),
        )
        command = ("env", "-C", str(ROOT), *confined, *TWISTD, "-n", "--pidfile=")
        daemon = start_daemon(self, configuration, folder=folder, command=command)
        status = Path(f"/proc/{daemon.pid}/status").read_text(encoding="utf-8")
        self.assertIn("Seccomp:\t2\n", status)
        context = ssl.create_default_context(cafile=str(authority.path))
        context.load_cert_chain(certificate, key)
        for _ in range(2):
            with (
                socket.create_connection(("127.0.0.1", secure), 20) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as client,
            ):
                client.sendall(b"hello")
                self.assertEqual(client.recv(99), b"hello")
            self.assertEqual(_ask(folder / "in.sock"), b"hello")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(60)
                client.sendto(b"hello", ("127.0.0.1", datagrams))
                self.assertEqual(client.recv(99), b"hello")
            told = daemon.log.count("configuration reloaded")
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(
                lambda told=told: daemon.log.count("configuration reloaded") > told,  # type: ignore[misc]  # mypy can't infer it
                "the reload",
            )
        asked = run_to_end(folder, [need("pipetwist"), "stats", "-s", f"127.0.0.1:{api}", "uplink"])
        names = [f"inbound>>>{tag}>>>traffic>>>uplink\t10" for tag in ("grams", "in", "secure")]
        self.assertEqual((asked.stdout.splitlines(), asked.stderr), (names, ""))
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=60) as answer:
            self.assertIn(
                b'pipetwist_traffic_bytes_total{direction="uplink",entity="inbound",tag="secure"} '
                b"10.0",
                answer.read(),
            )
        daemon.stop()
        self.assertNotIn("not reloaded", daemon.log)
        self.assertNotIn("Traceback", daemon.log)

    def test_command(self) -> None:
        """What the service starts and what reloads it are the daemon's own."""
        text = (_UNITS / "pipetwist.service").read_text(encoding="utf-8")
        self.assertIn(
            "/twistd --nodaemon --pidfile= pipetwist --config /etc/pipetwist/pipetwist.json\n", text
        )
        self.assertIn("\nExecReload=/bin/kill -HUP $MAINPID\n", text)
