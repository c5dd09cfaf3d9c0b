"""A daemon that reloads: no client is refused meanwhile, open connections stay open, and an invalid
configuration changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE
from tests.support.api_server import Client
from tests.support.certificates import Authority
from tests.support.daemon import (
    FOREGROUND,
    TWIST,
    TWISTD,
    Daemon,
    daemon_environment,
    run_to_end,
    start_daemon,
    write_configuration,
)
from tests.support.scratch import free_port, has_ended, listens, scratch_folder, wait_until

_TAKEN = "configuration reloaded"


def _configuration(command: str = "cat", *inbounds: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}, *inbounds],
        "outbounds": [{"type": "fork", "tag": "out", "command": [command]}],
        **more,
    }


def _tls(name: str) -> dict[str, str]:
    return {"certificate_path": f"{name}.pem", "key_path": f"{name}.key"}


class ReloadingTest(SynchronousTestCase):
    """SIGHUP."""

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "in.sock"

    def reload(self, daemon: Daemon, configuration: dict[str, Any], *, says: str = _TAKEN) -> None:
        """Write another configuration, and wait until the daemon has said what it makes of it."""
        before = daemon.log.count(says)
        write_configuration(self.folder, configuration)
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: daemon.log.count(says) > before, f"the daemon to say {says!r}")

    def ask(self, path: Path | None = None) -> bytes:
        """Say hello, and take the whole answer."""
        with self.connect(path) as client:
            client.sendall(b"hello\n")
            client.shutdown(socket.SHUT_WR)
            return client.makefile("rb").read()

    def _try_to_ask(self) -> bytes | OSError:
        try:
            return self.ask()
        except OSError as refused:
            return refused

    def connect(self, path: Path | None = None) -> socket.socket:
        """Connect; the test's clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(path or self.path))
        return client

    def test_exchanged(self) -> None:
        """New connections get the new command and may use the new inbound; open ones keep the old
        command.
        """
        for command in (FOREGROUND, TWIST):
            daemon = start_daemon(self, _configuration(), folder=self.folder, command=command)
            client = self.connect()
            client.sendall(b"before")
            self.assertEqual(client.recv(100), b"before")
            self.reload(
                daemon, _configuration("rev", {"type": "unix", "tag": "new", "path": "new.sock"})
            )
            self.assertEqual([self.ask(), self.ask(self.folder / "new.sock")], [b"olleh\n"] * 2)
            client.sendall(b"after")
            self.assertEqual(client.recv(100), b"after")
            self.reload(daemon, _configuration())
            self.assertFalse((self.folder / "new.sock").exists())
            client.close()
            daemon.stop()
            self.assertEqual([path.name for path in self.folder.glob("*.sock")], [])

    def test_removed_sockets(self) -> None:
        """Where every socket's file was removed, the inbound's and the API's are there again, and
        of one that can't be the log says so.
        """
        configuration = _configuration(
            "cat",
            {"type": "endpoint", "tag": "twisted", "endpoint": f"unix:{self.folder}/twisted.sock"},
            experimental={"v2ray_api": {"listen": "unix:api.sock"}},
        )
        daemon = start_daemon(self, configuration, folder=self.folder)
        with self.connect(self.folder / "in.sock") as client:
            self.reload(daemon, configuration)
            self.assertNotIn("was removed", daemon.log)
            for path in self.folder.glob("*.sock"):
                path.unlink()
            # The last line of the reload.
            self.reload(
                daemon,
                configuration,
                says=f"The StatsService listens on unix:{self.folder}/api.sock again",
            )
            Client(self, f"unix:{self.folder}/api.sock", V2RAY_SERVICE).call("GetSysStats")
            self.assertEqual(self.ask(), b"hello\n")
            self.assertIn(
                f"inbound twisted: {self.folder}/twisted.sock was removed, and can't be "
                "created again now: ",
                daemon.log,
            )
            client.sendall(b"still here\n")
            self.assertEqual(client.recv(99), b"still here\n")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(99), b"")
        daemon.stop()
        self.assertEqual(list(self.folder.glob("*.sock")), [])

    def test_nobody_refused(self) -> None:
        """While it reloads again and again, every client gets in and is answered in full."""
        daemon = start_daemon(self, _configuration(), folder=self.folder)
        answers: list[bytes | OSError] = []
        done = threading.Event()

        def come() -> None:
            while not done.is_set() and len(answers) < 100_000:
                answers.append(self._try_to_ask())

        crowd = threading.Thread(target=come)
        crowd.start()
        try:
            for round_ in range(10):
                inbound = {"type": "unix", "tag": f"new-{round_}", "path": f"new-{round_}.sock"}
                configuration = _configuration("cat", inbound, drain_timeout=f"{round_ + 1}s")
                configuration["inbounds"][0]["mode"] = "0660" if round_ % 2 else "0600"
                before = len(answers)
                self.reload(daemon, configuration)
                wait_until(
                    lambda before=before: len(answers) > before + 1,  # type: ignore[misc]  # mypy can't infer it
                    "a client to come after the reload",
                )
        finally:
            done.set()
            crowd.join(60)
        self.assertEqual(set(answers), {b"hello\n"})

    def test_mistakes(self) -> None:
        """What is wrong with the file is logged line by line, and so is a port that is taken;
        everything goes on.
        """
        port = free_port(self)
        daemon = start_daemon(self, _configuration("rev"), folder=self.folder)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            for configuration, said in (
                (
                    _configuration("cat", {"type": "tcp", "tag": "in", "listen_port": "x"}),
                    ["inbounds[1].tag", "inbounds[1].listen_port"],
                ),
                (
                    _configuration("cat", {"type": "tcp", "tag": "taken", "listen_port": port}),
                    ["Address already in use"],
                ),
                (
                    _configuration("no-such-command"),
                    ["outbound out: there is no command 'no-such-command'"],
                ),
            ):
                self.reload(daemon, configuration, says="configuration not reloaded")
                for line in said:
                    wait_until(lambda: line in daemon.log, line)  # noqa: B023 - it is waited for here
                self.assertEqual(self.ask(), b"olleh\n")
        (self.folder / "pipetwist.json").unlink()
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the file can't be read" in daemon.log, "the daemon to miss its file")
        self.assertNotIn("Traceback", daemon.log)
        daemon.stop()

    def wait_for_reader(self, daemon: Daemon) -> int:
        """Wait until a process reads the configuration; its number."""
        wait_until(lambda: bool(_readers(daemon.pid)), "the process that reads")
        (pid,) = _readers(daemon.pid)
        return pid

    def feed(self, path: Path, configuration: dict[str, Any]) -> None:
        """Write a configuration into a pipe that is read."""
        opened: list[int] = []

        def is_read() -> bool:
            with contextlib.suppress(OSError):  # ENXIO, as long as nobody has opened it to read
                opened.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            return bool(opened)

        wait_until(is_read, "the pipe to be read")
        with os.fdopen(opened[0], "w", encoding="utf-8") as file:
            json.dump(configuration, file)

    def make_slow(self) -> Path:
        """Put a pipe in the file's place, from which nothing is read before the test writes it."""
        path = self.folder / "pipetwist.json"
        path.unlink()
        os.mkfifo(path)
        return path

    def test_slow_file(self) -> None:
        """While the file is read, however long that takes, open connections continue and new ones
        are accepted.
        """
        daemon = start_daemon(self, _configuration(), folder=self.folder)
        client = self.connect()
        path = self.make_slow()
        daemon.process.send_signal(signal.SIGHUP)
        self.wait_for_reader(daemon)
        client.sendall(b"still here")
        self.assertEqual(client.recv(100), b"still here")
        self.assertEqual(self.ask(), b"hello\n")
        self.feed(path, _configuration("rev"))
        wait_until(lambda: _TAKEN in daemon.log, "the reload")
        self.assertEqual(self.ask(), b"olleh\n")

    def test_changed_meanwhile(self) -> None:
        """A SIGHUP while the file is read has it read once more afterwards, since it may have
        changed meanwhile.
        """
        daemon = start_daemon(self, _configuration(), folder=self.folder)
        path = self.make_slow()
        daemon.process.send_signal(signal.SIGHUP)
        first = self.wait_for_reader(daemon)
        for _ in range(3):
            daemon.process.send_signal(signal.SIGHUP)
            self.ask()  # when that is answered the daemon has heard of the signal
        self.feed(path, _configuration("tac"))
        wait_until(lambda: bool(_readers(daemon.pid) - {first}), "the file to be read again")
        self.feed(path, _configuration("rev"))
        wait_until(lambda: daemon.log.count(_TAKEN) == 2, "the second reload")
        self.assertEqual(self.ask(), b"olleh\n")
        self.assertEqual(_readers(daemon.pid), set())

    def test_stopped_meanwhile(self) -> None:
        """A stop waits for no reading, and leaves no process that reads."""
        for command in (FOREGROUND, TWIST):
            daemon = start_daemon(self, _configuration(), folder=self.folder, command=command)
            path = self.make_slow()
            daemon.process.send_signal(signal.SIGHUP)
            pid = self.wait_for_reader(daemon)
            daemon.stop()
            wait_until(lambda pid=pid: has_ended(pid), "the process that reads to end")  # type: ignore[misc]  # it is called with its default
            self.assertNotIn("not reloaded", daemon.log)
            path.unlink()

    def test_reader_killed(self) -> None:
        """If the process that reads is killed, one line says so, and everything goes on as
        before.
        """
        daemon = start_daemon(self, _configuration(), folder=self.folder)
        path = self.make_slow()
        daemon.process.send_signal(signal.SIGHUP)
        os.kill(self.wait_for_reader(daemon), signal.SIGKILL)
        wait_until(lambda: "configuration not reloaded" in daemon.log, "the daemon to give up")
        self.assertIn(f"{path}: the process that reads it was killed by SIGKILL\n", daemon.log)
        self.assertNotIn("Traceback", daemon.log)
        self.assertEqual(self.ask(), b"hello\n")

    def test_daemon(self) -> None:
        """A daemon in the background, with another folder to run in, finds its file and its paths
        again.
        """
        run = self.folder / "run"
        run.mkdir()
        write_configuration(self.folder, _configuration())
        command = [
            *TWISTD,
            f"--rundir={run}",
            f"--pidfile={run / 'pid'}",
            f"--logfile={run / 'log'}",
            "pipetwist",
            "-c",
            "pipetwist.json",
        ]
        self.assertEqual(run_to_end(self.folder, command).returncode, 0)
        pid = int((run / "pid").read_text(encoding="ascii"))
        self.addCleanup(_kill, pid)
        write_configuration(
            self.folder, _configuration("rev", {"type": "unix", "tag": "new", "path": "new.sock"})
        )
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: listens(self.folder / "new.sock"), "the new inbound")
        self.assertEqual(self.ask(self.folder / "new.sock"), b"olleh\n")
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: has_ended(pid), "the daemon to end")

    def test_certificate(self) -> None:
        """A renewed certificate is used for new connections, without an interruption, while open
        ones stay; a broken one changes nothing.
        """
        old, new = (Authority(self._made(name), name) for name in ("old", "new"))
        self._install(old, "tls")
        port = free_port(self)
        configuration = _configuration(
            "cat", {"type": "tcp", "tag": "tls", "listen_port": port, "tls": _tls("tls")}
        )
        daemon = start_daemon(self, configuration, folder=self.folder)
        client = self._greet(port, old)
        self._install(new, "tls")
        self.reload(daemon, configuration)
        self._greet(port, new)
        self.assertRaises(ssl.SSLError, self._greet, port, old)
        client.sendall(b"still here")
        self.assertEqual(client.recv(100), b"still here")
        (self.folder / "tls.pem").write_bytes(b"broken")
        self.reload(daemon, configuration, says="there is no certificate in")
        self._greet(port, new)

    def test_certificates_of_listeners(self) -> None:
        """Renewed certificates of the API and the metrics are used for new connections; with a
        broken one the reload fails.
        """
        old, new = (Authority(self._made(name), name) for name in ("old", "new"))
        self._install(old, "api", "metrics")
        api, metrics = free_port(self), free_port(self)
        configuration = _configuration(
            metrics={"listen": f"127.0.0.1:{metrics}", "tls": _tls("metrics")},
            experimental={"v2ray_api": {"listen": f"127.0.0.1:{api}", "tls": _tls("api")}},
        )
        daemon = start_daemon(self, configuration, folder=self.folder)
        wait_until(lambda: listens(metrics), "the metrics to listen")
        for port in (api, metrics):
            self._shake(port, old)
        for name in ("api", "metrics"):
            self._install(new, "api", "metrics")
            (self.folder / f"{name}.pem").write_bytes(b"broken")
            self.reload(daemon, configuration, says="configuration not reloaded")
            broken = str(self.folder / f"{name}.pem")
            wait_until(lambda: broken in daemon.log, broken)  # noqa: B023 - it is waited for here
            for port in (api, metrics):
                self._shake(port, old)
        self._install(new, "api", "metrics")
        self.reload(daemon, configuration)
        for port in (api, metrics):
            self._shake(port, new)
            self.assertRaises(ssl.SSLError, self._shake, port, old)
        daemon.stop()

    def _install(self, authority: Authority, *names: str) -> None:
        """Put a certificate of that authority, and its key, at the place of each name."""
        for name in names:
            for made, place in zip(authority.issue("localhost"), _tls(name).values(), strict=True):
                (self.folder / place).write_bytes(made.read_bytes())

    def _shake(self, port: int, authority: Authority) -> None:
        """Connect over TLS, and be sure that the server's certificate is of that authority."""
        context = ssl.create_default_context(cafile=str(authority.path))
        context.set_alpn_protocols(["h2", "http/1.1"])  # gRPC wants to know
        with (
            socket.create_connection(("127.0.0.1", port), 20) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            pass

    def test_plain_and_tls(self) -> None:
        """A port may change from plain to TLS and back."""
        authority = Authority(self._made("authority"), "authority")
        certificate, key = authority.issue("localhost")
        port = free_port(self)
        plain = {"type": "tcp", "tag": "tcp", "listen_port": port}
        secure = {**plain, "tls": {"certificate_path": str(certificate), "key_path": str(key)}}
        daemon = start_daemon(self, _configuration("cat", plain), folder=self.folder)
        for inbound in (secure, plain, secure):
            self.reload(daemon, _configuration("cat", inbound))
            if inbound is secure:
                self._greet(port, authority)
            else:
                with socket.create_connection(("127.0.0.1", port), 20) as client:
                    client.sendall(b"plain")
                    self.assertEqual(client.recv(100), b"plain")
        daemon.stop()

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def _greet(self, port: int, authority: Authority) -> ssl.SSLSocket:
        client = ssl.create_default_context(cafile=str(authority.path)).wrap_socket(
            socket.create_connection(("127.0.0.1", port), 20), server_hostname="localhost"
        )
        self.addCleanup(client.close)
        client.sendall(b"hello")
        self.assertEqual(client.recv(100), b"hello")
        return client


class UserTest(SynchronousTestCase):
    """A daemon that has read its files as root, and goes on as another user."""

    def setUp(self) -> None:
        """Make a certificate and a key that root alone may read, and start it with them."""
        if os.geteuid() != 0:
            message = "only root can change its user"
            raise SkipTest(message)
        self.folder = scratch_folder(self)
        self.folder.chmod(0o755)
        self.authority = Authority(self.folder, "authority")
        self.secret = self.folder / "secret"
        self.secret.mkdir()
        self.certificate, self.key = self.folder / "tls.pem", self.secret / "tls.key"
        self.install()
        self.port, self.metrics = free_port(self), free_port(self)

    def install(self) -> None:
        """Put another certificate and its key there."""
        certificate, key = self.authority.issue("localhost")
        certificate.replace(self.certificate)
        key.replace(self.key)
        self.certificate.chmod(0o644)
        self.key.chmod(0o600)

    def configuration(self, **more: Any) -> dict[str, Any]:
        """TLS, at an inbound and the metrics, and these keys."""
        tls = {"certificate_path": str(self.certificate), "key_path": str(self.key)}
        inbound = {"type": "tcp", "tag": "tls", "listen_port": self.port, "tls": tls}
        metrics = {"listen": f"127.0.0.1:{self.metrics}", "tls": tls}
        return {
            "inbounds": [inbound],
            "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
            "metrics": metrics,
            **more,
        }

    def start(self) -> Daemon:
        """Start it as root, to go on as nobody."""
        command = (*TWISTD, "-n", "--pidfile=", "--uid=65534", "--gid=65534")
        return start_daemon(self, self.configuration(), folder=self.folder, command=command)

    def reload(self, daemon: Daemon, says: str = _TAKEN, **more: Any) -> None:
        """Write another configuration, and wait until it has said what it makes of it."""
        before = daemon.log.count(says)
        write_configuration(self.folder, self.configuration(**more))
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: daemon.log.count(says) > before, f"the daemon to say {says!r}")

    def test_unchanged_key(self) -> None:
        """A key that only root may read is in no reload's way while it is as it was; the start says
        that it would be after a change.
        """
        daemon = self.start()
        wait_until(
            lambda: f"{self.key} can't be read again by this user" in daemon.log,
            "the daemon to foresee it",
        )
        self.reload(daemon, drain_timeout="2s")
        self.install()
        self.reload(daemon, f"{self.key} can't be read: Permission denied", drain_timeout="3s")
        daemon.stop()

    def test_hidden_key(self) -> None:
        """A key in a folder that only root may search is taken as it was, and each reload says
        so.
        """
        self.secret.chmod(0o700)
        daemon = self.start()
        self.reload(daemon, drain_timeout="2s")
        note = f"{self.key} can't be checked by this user"
        wait_until(lambda: note in daemon.log, note)
        daemon.stop()

    def test_configuration(self) -> None:
        """A configuration that only root may read is named at the start, since every reload would
        fail.
        """
        path = write_configuration(self.folder, self.configuration())
        path.chmod(0o600)
        daemon = self.start()
        wait_until(
            lambda: f"{path} can't be read again by this user" in daemon.log,
            "the daemon to foresee it",
        )
        daemon.stop()


class TerminalTest(SynchronousTestCase):
    """A daemon in the foreground of a terminal."""

    def test_closed(self) -> None:
        """When its terminal is closed it stops in order; a SIGHUP before that reloads."""
        folder = scratch_folder(self)
        path = write_configuration(folder, _configuration())
        child, terminal = pty.fork()
        if not child:
            os.chdir(folder)
            os.execve(
                TWISTD[0],
                [*TWISTD, "-n", "--pidfile=", "--logfile=log", "pipetwist", "-c", str(path)],
                daemon_environment(),
            )
        self.addCleanup(_reap, child)
        wait_until(lambda: listens(folder / "in.sock"), "the daemon to listen")
        wait_until(
            lambda: "twisted.internet" in (folder / "log").read_text(encoding="utf-8"),
            "the daemon's log",
        )
        os.kill(child, signal.SIGHUP)
        wait_until(lambda: _TAKEN in (folder / "log").read_text(encoding="utf-8"), "the reload")
        os.close(terminal)
        wait_until(lambda: not (folder / "in.sock").exists(), "the daemon to stop")


def _readers(daemon: int) -> set[int]:
    """The children of a daemon that read its configuration."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(
                stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            )
            if (
                parent == daemon
                and b"pipetwist.config.reader_process" in (stat.parent / "cmdline").read_bytes()
            ):
                found.add(int(stat.parent.name))
    return found


def _kill(pid: int) -> None:
    if not has_ended(pid):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: has_ended(pid), "the daemon to end")


def _reap(child: int) -> None:
    _kill(child)
    os.waitpid(child, 0)
