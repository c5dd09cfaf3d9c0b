"""shadowsocks itself at one end, with the plug-in that it starts, and pipetwist with its own at the
other.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_CIPHER = ("-k", "secret", "-m", "aes-128-gcm")
_CLIENT = ("--plugin", "obfs-local", "--plugin-opts", "obfs=http;obfs-host=example.com")
_SERVER = ("--plugin", "obfs-server", "--plugin-opts", "obfs=http")


class ShadowsocksTest(SynchronousTestCase):
    """ss-tunnel and ss-server, with a service behind them that sends everything back."""

    def setUp(self) -> None:
        """Start the service."""
        for program in ("ss-tunnel", "ss-server", "obfs-local", "obfs-server"):
            need(program)
        self.folder = scratch_folder(self)
        self.door, self.near, self.far, self.service = (free_port(self) for _ in range(4))
        self.start(
            {"type": "tcp", "tag": "in", "listen_port": self.service},
            {"type": "fork", "tag": "echo", "command": ["cat"]},
        )

    def start(self, inbound: dict[str, Any], outbound: dict[str, Any]) -> Daemon:
        """Start a pipetwist."""
        return start_daemon(self, {"inbounds": [inbound], "outbounds": [outbound]})

    def start_shadowsocks(self, port: int, *options: str) -> None:
        """Start its client's end, which leads to this port."""
        address = ("-s", "127.0.0.1", "-p", str(port), "-b", "127.0.0.1", "-l", str(self.door))
        target = ("-L", f"127.0.0.1:{self.service}")
        start_peer(self, ["ss-tunnel", *address, *target, *_CIPHER, *options], self.folder)
        wait_until(lambda: listens(self.door), "ss-tunnel")

    def start_server(self, port: int, *options: str) -> None:
        """Start its server's end at this port."""
        command = ["ss-server", "-s", "127.0.0.1", "-p", str(port), *_CIPHER, *options]
        start_peer(self, command, self.folder)
        wait_until(lambda: listens(port), "ss-server")

    def assertCarries(self) -> None:
        """What is sent comes back byte for byte."""
        data = os.urandom(1 << 20)
        with socket.create_connection(("127.0.0.1", self.door), 60) as client:
            sending = threading.Thread(target=client.sendall, args=(data,))
            sending.start()
            answer = bytearray()
            while len(answer) < len(data) and (piece := client.recv(1 << 16)):
                answer += piece
            sending.join(60)
        self.assertTrue(bytes(answer) == data, "what came back is not what was sent")

    def test_its_server(self) -> None:
        """Its server, with the plug-in that it has started, and our client's."""
        self.start_server(self.far, *_SERVER)
        client = self.start(
            {"type": "tcp", "tag": "in", "listen_port": self.near},
            {
                "type": "sip003",
                "tag": "out",
                "plugin": "obfs-local",
                "plugin_opts": "obfs=http;obfs-host=example.com",
                "server": "127.0.0.1",
                "server_port": self.far,
            },
        )
        wait_until(lambda: "is ready" in client.log, "our plug-in")
        self.start_shadowsocks(self.near)
        self.assertCarries()

    def test_its_client(self) -> None:
        """Its client, with the plug-in that it has started, and our server's."""
        self.start_server(self.near)
        server = self.start(
            {
                "type": "sip003",
                "tag": "in",
                "plugin": "obfs-server",
                "plugin_opts": "obfs=http",
                "listen_port": self.far,
            },
            {"type": "tcp", "tag": "out", "server": "127.0.0.1", "server_port": self.near},
        )
        wait_until(lambda: "is ready" in server.log, "our plug-in")
        self.start_shadowsocks(self.far, *_CLIENT)
        self.assertCarries()
