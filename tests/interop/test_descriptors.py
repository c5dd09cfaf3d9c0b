"""A daemon whose file descriptors are few: the clients of one inbound, idle as they may be, take
none of the others'.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE
from tests.support.api_server import Client
from tests.support.certificates import Authority
from tests.support.daemon import TWISTD, Daemon, start_daemon
from tests.support.scratch import free_datagram_port, free_port, scratch_folder, wait_until

_LIMIT = 200
_CLIENTS = 150
_ASKED = 5
_SAID = "and the others are reserved"
_FULL_API = "experimental.v2ray_api: all "
_FULL_METRICS = "metrics: all "
_POOLED = 4  # that the daemon keeps once it has needed them, as those of threads
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")


class _Case(SynchronousTestCase):
    """Many clients at one inbound that ask for nothing, before a server that never answers, and
    some at another, which starts commands.
    """

    def setUp(self) -> None:
        """Have the server that never answers."""
        self.folder = scratch_folder(self)
        self.server = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.server.close)
        self.server.bind(str(self.folder / "server.sock"))
        self.server.listen(1000)

    def start(self, crowded: dict[str, Any], *outbounds: dict[str, Any], **more: Any) -> Daemon:
        """Start the daemon; the inbound with too many clients goes to the first outbound."""
        silent = {"type": "unix", "tag": "silent", "path": "server.sock"}
        configuration: dict[str, Any] = {
            "inbounds": [
                {"tag": "crowded", **crowded},
                {"type": "unix", "tag": "quiet", "path": "quiet.sock"},
            ],
            "outbounds": [*outbounds, silent, {"type": "fork", "tag": "cat", "command": ["cat"]}],
            "route": {"rules": [{"inbound": ["quiet"], "outbound": "cat"}]},
            "experimental": {
                "v2ray_api": {
                    "listen": "unix:api.sock",
                    "stats": {"enabled": True, "inbounds": ["quiet"]},
                }
            },
        }
        configuration.update(more)
        command = ("sh", "-c", f'ulimit -n {_LIMIT}; exec "$@"', "sh", *TWISTD, "-n", "--pidfile=")
        daemon = start_daemon(self, configuration, folder=self.folder, command=command)
        self.addCleanup(lambda: self.assertNotIn("Too many open files", daemon.log))
        return daemon

    def clients(self, family: int, address: Any) -> list[socket.socket]:
        """Connect all of them; the test's clean-up closes them."""
        clients = []
        for _ in range(_CLIENTS):
            client = socket.socket(family)
            self.addCleanup(client.close)
            client.settimeout(60)
            client.connect(address)
            clients.append(client)
        return clients

    def others_go_on(self) -> None:
        """Some clients of the other inbound are there at once and get their answers, and the API
        gives its own.
        """
        self.ask()
        name = "inbound>>>quiet>>>traffic>>>uplink"
        counted = Client(self, f"unix:{self.folder}/api.sock", V2RAY_SERVICE).call(
            "GetStats", name=name
        )
        self.assertEqual(counted.stat.value, _ASKED * 5)

    def ask(self) -> None:
        """Some clients of the other inbound are there at once and get their answers."""
        asking = []
        for _ in range(_ASKED):
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.settimeout(60)
            client.connect(str(self.folder / "quiet.sock"))
            asking.append(client)
        for client in asking:
            client.sendall(b"hello")
        for client in asking:
            self.assertEqual(client.recv(99), b"hello")
            client.close()

    def open_descriptors(self, daemon: Daemon) -> int:
        """How many the daemon has."""
        return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))


class FewDescriptorsTest(_Case):
    """Where one inbound's clients are too many."""

    def test_unix(self) -> None:
        """On a unix socket: the others go on, nobody who waits is dropped, and each comes in once
        another has left.
        """
        daemon = self.start({"type": "unix", "path": "crowded.sock"})
        clients = self.clients(socket.AF_UNIX, str(self.folder / "crowded.sock"))
        wait_until(lambda: _SAID in daemon.log, "the daemon to say that there is no more room")
        self.others_go_on()
        self.assertLess(self.open_descriptors(daemon), _LIMIT)
        for number, client in enumerate(clients):
            client.sendall(b"%03d" % number)
            client.close()
        come = set()
        self.server.settimeout(60)
        for _ in clients:
            accepted, _ = self.server.accept()
            with accepted:
                accepted.settimeout(60)
                come.add(accepted.recv(99))
        self.assertEqual(come, {b"%03d" % number for number in range(_CLIENTS)})
        self.assertEqual(daemon.log.count(_SAID), 1)

    def test_tls(self) -> None:
        """At a TLS inbound, where they don't even begin a handshake."""
        certificate, key = Authority(self.folder, "authority").issue("localhost")
        port = free_port(self)
        tls = {"enabled": True, "certificate_path": str(certificate), "key_path": str(key)}
        daemon = self.start({"type": "tcp", "listen_port": port, "tls": tls})
        self.clients(socket.AF_INET, ("127.0.0.1", port))
        wait_until(lambda: _SAID in daemon.log, "the daemon to say that there is no more room")
        self.others_go_on()
        self.assertLess(self.open_descriptors(daemon), _LIMIT)

    def test_stream(self) -> None:
        """Where Twisted's transports move the bytes."""
        daemon = self.start({"type": "unix", "path": "crowded.sock"}, transfer="stream")
        self.clients(socket.AF_UNIX, str(self.folder / "crowded.sock"))
        wait_until(lambda: _SAID in daemon.log, "the daemon to say that there is no more room")
        self.others_go_on()

    def test_endpoint(self) -> None:
        """At an endpoint of Twisted's."""
        daemon = self.start(
            {"type": "endpoint", "endpoint": f"unix:{self.folder}/crowded.sock:backlog=1000"}
        )
        self.clients(socket.AF_UNIX, str(self.folder / "crowded.sock"))
        wait_until(lambda: _SAID in daemon.log, "the daemon to say that there is no more room")
        self.others_go_on()

    def test_datagrams(self) -> None:
        """Sources of datagrams, which anybody can make up."""
        port = free_datagram_port(self)
        # Where nobody has the port, each source would be over as soon as it has come.
        silent = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        server = silent.getsockname()[1]
        daemon = self.start(
            {"type": "udp", "listen_port": port},
            {"type": "udp", "tag": "nowhere", "server": "127.0.0.1", "server_port": server},
        )
        for _ in range(_CLIENTS):
            with socket.socket(type=socket.SOCK_DGRAM) as source:
                source.sendto(b"x", ("127.0.0.1", port))
        wait_until(lambda: _SAID in daemon.log, "the daemon to say that there is no more room")
        self.others_go_on()
        self.assertIn(
            "as many as the limit of file descriptors allows, made room for another", daemon.log
        )


class MonitoringTest(_Case):
    """Too many clients at the API and at the metrics as well."""

    def setUp(self) -> None:
        """Have ports for them."""
        super().setUp()
        self.metrics, self.api = free_port(self), free_port(self)

    def start_looked_at(self, listen: str) -> Daemon:
        """Start the daemon, whose API listens there."""
        return self.start(
            {"type": "unix", "path": "crowded.sock"},
            metrics={"listen": f"127.0.0.1:{self.metrics}"},
            experimental={
                "v2ray_api": {"listen": listen, "stats": {"enabled": True, "inbounds": ["quiet"]}}
            },
        )

    def look(self, family: int, address: Any) -> list[socket.socket]:
        """Connect as many to the API as it takes from anybody, each from an address of its own, and
        begin HTTP/2; then to the metrics.
        """
        clients = [self.client(family, address, number, _PREFACE) for number in range(_CLIENTS)]
        return clients + [
            self.client(socket.AF_INET, ("127.0.0.1", self.metrics), number, b"GET ")
            for number in range(_CLIENTS)
        ]

    def client(self, family: int, address: Any, number: int, said: bytes) -> socket.socket:
        """Connect one and have it say something, unless it is closed at once."""
        client = socket.socket(family)
        self.addCleanup(client.close)
        client.settimeout(60)
        if family == socket.AF_INET:
            client.bind((f"127.0.1.{number + 1}", 0))
        with contextlib.suppress(ConnectionError):
            client.connect(address)
            client.sendall(said)
        return client

    def try_both(self, listen: str, family: int, address: Any) -> None:
        """Clients of the API and the metrics come first, and then those of an inbound; then the
        other way round.
        """
        daemon = self.start_looked_at(listen)
        alone = self.open_descriptors(daemon)
        looking = self.look(family, address)
        wait_until(
            lambda: _FULL_API in daemon.log and _FULL_METRICS in daemon.log, "both to be full"
        )
        crowd = self.clients(socket.AF_UNIX, str(self.folder / "crowded.sock"))
        wait_until(lambda: _SAID in daemon.log, "the daemon to say that there is no more room")
        self.ask()
        self.assertLess(self.open_descriptors(daemon), _LIMIT)
        for client in (*looking, *crowd):
            client.close()
        wait_until(
            lambda: self.open_descriptors(daemon) <= alone + _POOLED, "all of them to be gone"
        )
        self.clients(socket.AF_UNIX, str(self.folder / "crowded.sock"))
        looking = self.look(family, address)
        self.ask()
        for client in looking:
            client.close()
        with urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=60) as answer:
            self.assertIn(b"pipetwist", answer.read())
        wait_until(self.api_answers(listen), "the API to have room")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in daemon.log, "the reload")
        daemon.stop()

    def api_answers(self, listen: str) -> Callable[[], bool]:
        """Whether it does."""
        target = listen.replace("unix:", f"unix:{self.folder}/")

        def answers() -> bool:
            try:
                Client(self, target, V2RAY_SERVICE).call("GetSysStats")
            except grpc.RpcError:
                return False
            return True

        return answers

    def test_tcp(self) -> None:
        """At a TCP port of the API, where each client takes three descriptors: inbounds have what
        they are sure of, and nothing fails.
        """
        self.try_both(f"127.0.0.1:{self.api}", socket.AF_INET, ("127.0.0.1", self.api))

    def test_unix(self) -> None:
        """So it is at a unix socket of the API."""
        self.try_both("unix:api.sock", socket.AF_UNIX, str(self.folder / "api.sock"))
