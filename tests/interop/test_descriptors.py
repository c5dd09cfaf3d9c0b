"""A daemon whose file descriptors are few: the clients of one inbound, idle as they may be, take none of the others'."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE
from tests.api.certificates import Authority
from tests.api.serving import Client
from tests.interop.daemon import TWISTD, Daemon, start_daemon
from tests.interop.scratch import free_datagram_port, free_port, scratch_folder, wait_until

__all__ = ["FewDescriptorsTest"]

_LIMIT = 200
_CLIENTS = 150
_ASKED = 5
_SAID = "and others need theirs"


class FewDescriptorsTest(SynchronousTestCase):
    """Many clients at one inbound that ask for nothing, before a server that never answers, and some at another, which starts commands."""

    def setUp(self) -> None:
        """Have the server that never answers."""
        self.folder = scratch_folder(self)
        self.server = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.server.close)
        self.server.bind(str(self.folder / "server.sock"))
        self.server.listen(1000)

    def start(self, crowded: dict[str, Any], *outbounds: dict[str, Any], **more: Any) -> Daemon:
        """Start the daemon; the crowded inbound is to go to the first outbound."""
        silent = {"type": "unix", "tag": "silent", "path": "server.sock"}
        configuration = {
            "inbounds": [{"tag": "crowded", **crowded}, {"type": "unix", "tag": "quiet", "path": "quiet.sock"}],
            "outbounds": [*outbounds, silent, {"type": "fork", "tag": "cat", "command": ["cat"]}],
            "route": {"rules": [{"inbound": ["quiet"], "outbound": "cat"}]},
            "experimental": {"v2ray_api": {"listen": "unix:api.sock", "stats": {"enabled": True, "inbounds": ["quiet"]}}},
            **more,
        }
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
        """Some clients of the other inbound are there at once and get their answers, and the API gives its own."""
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
        name = "inbound>>>quiet>>>traffic>>>uplink"
        counted = Client(self, f"unix:{self.folder}/api.sock", V2RAY_SERVICE).call("GetStats", name=name)
        self.assertEqual(counted.stat.value, _ASKED * 5)

    def open_descriptors(self, daemon: Daemon) -> int:
        """How many the daemon has."""
        return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))

    def test_unix(self) -> None:
        """On a unix socket: the others go on, nobody who waits is dropped, and each comes in once another has left."""
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
        daemon = self.start({"type": "endpoint", "endpoint": f"unix:{self.folder}/crowded.sock:backlog=1000"})
        self.clients(socket.AF_UNIX, str(self.folder / "crowded.sock"))
        wait_until(lambda: _SAID in daemon.log, "the daemon to say that there is no more room")
        self.others_go_on()

    def test_datagrams(self) -> None:
        """Sources of datagrams, which anybody can make up."""
        port, server = free_datagram_port(self), free_datagram_port(self)
        daemon = self.start(
            {"type": "udp", "listen_port": port}, {"type": "udp", "tag": "nowhere", "server": "127.0.0.1", "server_port": server}
        )
        for _ in range(_CLIENTS):
            with socket.socket(type=socket.SOCK_DGRAM) as source:
                source.sendto(b"x", ("127.0.0.1", port))
        wait_until(lambda: _SAID in daemon.log, "the daemon to say that there is no more room")
        self.others_go_on()
        self.assertIn("as many as the limit of file descriptors allows, made room for another", daemon.log)
