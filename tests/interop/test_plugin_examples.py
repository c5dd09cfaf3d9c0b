"""The pairs of configurations with plug-ins in etc/, run as they are there but for their ports."""

from __future__ import annotations

import re
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.syntax import parse_json
from tests.interop.examples import copy_example
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need
from tests.support.scratch import free_port, scratch_folder, wait_until

_CERTIFICATE = re.compile(r'clients need an outbound with .*"cert": "([^"]+)"')


class ExamplesTest(SynchronousTestCase):
    """A service that sends everything back, behind each of them."""

    def setUp(self) -> None:
        """Start the service."""
        self.folder = scratch_folder(self)
        self.local, self.wire, self.service = (free_port(self) for _ in range(3))
        start_daemon(
            self,
            {
                "inbounds": [{"type": "tcp", "tag": "in", "listen_port": self.service}],
                "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
            },
        )

    def start(self, name: str, instead: dict[str, object]) -> Daemon:
        """Start one end."""
        addresses = {"10443": self.wire, "10085": free_port(self)}
        path = copy_example(
            f"{name}/pipetwist.json", self.folder / "example.json", {**addresses, **instead}
        )
        document: Any = parse_json(path.read_text(encoding="utf-8"))
        return start_daemon(self, document)

    def run_pair(self, name: str) -> None:
        """Start both ends, and send something through."""
        server = self.start(f"{name}/server", {"10090": self.service, "0.0.0.0": "127.0.0.1"})
        wait_until(lambda: "inbound tunnel listens" in server.log, "the server")
        instead: dict[str, object] = {"server.example.org": "127.0.0.1", "10080": self.local}
        found = _CERTIFICATE.search(server.log)
        if found is not None:
            instead["CERT"] = found[1]
        client = self.start(f"{name}/client", instead)
        wait_until(lambda: "is ready" in client.log, "the client")
        with socket.create_connection(("127.0.0.1", self.local), 60) as connected:
            connected.sendall(b"hello")
            self.assertEqual(connected.recv(5), b"hello")
        client.stop()
        server.stop()

    def test_simple_obfs(self) -> None:
        """etc/simple-obfs."""
        need("obfs-local")
        self.run_pair("simple-obfs")

    def test_v2ray_plugin(self) -> None:
        """etc/v2ray-plugin."""
        need("ss-v2ray-plugin")
        self.run_pair("v2ray-plugin")

    def test_obfs4proxy(self) -> None:
        """etc/obfs4proxy."""
        need("obfs4proxy")
        self.run_pair("obfs4proxy")
