"""What `env` prints, as the command of a real daemon."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.outbounds.peer_environment import PEER_VARIABLES
from tests.support.daemon import start_daemon
from tests.support.peers import need
from tests.support.scratch import (
    free_datagram_port,
    free_port,
    scratch_folder,
    wait_until,
)

_OTHERS = {"REMOTE_ADDR": "203.0.113.1", "NCAT_REMOTE_ADDR": "x", "PIPETWIST_USER": "mallory"}


class EnvironmentTest(SynchronousTestCase):
    """A command for each connection, of a daemon with variables of others."""

    def setUp(self) -> None:
        """Choose the addresses."""
        need("env")
        self.folder = scratch_folder(self)
        self.port, self.datagrams = free_port(self), free_datagram_port(self)

    def start(self, transfer: str) -> None:
        """Start the daemon."""
        told: dict[str, Any] = {
            "type": "fork",
            "peer_environment": True,
            "inherit_env": True,
            "env": {"REMOTE_PORT": "1"},
            "transfer": transfer,
        }
        daemon = start_daemon(
            self,
            {
                "log": {"level": "warn"},
                "inbounds": [
                    {"type": "tcp", "tag": "tcp-in", "listen_port": self.port},
                    {
                        "type": "unix",
                        "tag": "unix-in",
                        "path": "in.sock",
                        "users": [{"name": "alice", "uid": os.getuid()}],
                    },
                    {"type": "unix", "tag": "anybody-in", "path": "anybody.sock"},
                    {"type": "udp", "tag": "udp-in", "listen_port": self.datagrams},
                ],
                "outbounds": [
                    {**told, "tag": "env", "command": ["env"]},
                    {
                        **told,
                        "tag": "framed",
                        "command": ["sh", "-c", "env > part && mv part whole; cat > /dev/null"],
                        "framing": "rfc4571",
                    },
                ],
                "route": {"rules": [{"network": "udp", "outbound": "framed"}]},
            },
            folder=self.folder,
            environment=_OTHERS,
        )
        self.addCleanup(daemon.stop)

    def test_kernel(self) -> None:
        """The kernel moves the bytes."""
        self._ask_all("kernel")

    def test_stream(self) -> None:
        """Twisted's transports move them."""
        self._ask_all("stream")

    def test_named_by_a_proxy(self) -> None:
        """Behind a proxy the command is told of the client that the proxy names, by whose address
        rules go as well; of one who comes without a header it is told itself.
        """
        daemon = start_daemon(
            self,
            {
                "inbounds": [
                    {
                        "type": "unix",
                        "tag": "unix-in",
                        "path": "in.sock",
                        "proxy_protocol": True,
                        "proxy_protocol_accept_no_header": True,
                    }
                ],
                "outbounds": [
                    {"type": "fork", "tag": "none", "command": ["true"]},
                    {"type": "fork", "tag": "env", "command": ["env"], "peer_environment": True},
                ],
                "route": {
                    "rules": [
                        {"source_ip_cidr": "192.0.2.0/24", "outbound": "env"},
                        {"source_ip_cidr": "0.0.0.0/0", "action": "reject"},
                        {"source_ip_is_private": True, "invert": True, "outbound": "env"},
                    ]
                },
            },
            folder=self.folder,
        )
        told = []
        for sent in (
            b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n",
            b"PROXY TCP4 198.51.100.1 127.0.0.1 4711 80\r\n",
            b"hello\n",
        ):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(str(self.folder / "in.sock"))
                client.sendall(sent)
                told.append(_said(client))
        self.assertEqual(
            told,
            [
                {
                    "PIPETWIST_ID": "1",
                    "PIPETWIST_INBOUND": "unix-in",
                    "REMOTE_ADDR": "192.0.2.7",
                    "REMOTE_PORT": "4711",
                    "NCAT_REMOTE_ADDR": "192.0.2.7",
                },
                {},
                {
                    "PIPETWIST_ID": "2",
                    "PIPETWIST_INBOUND": "unix-in",
                    "REMOTE_PID": str(os.getpid()),
                    "REMOTE_UID": str(os.getuid()),
                },
            ],
        )
        says = "refused 198.51.100.1:4711, which route.rules[1] rejects"
        wait_until(lambda: says in daemon.log, "the refusal in the log")

    def _ask_all(self, transfer: str) -> None:
        self.start(transfer)
        with socket.create_connection(("127.0.0.1", self.port), 60) as client:
            port = client.getsockname()[1]
            self.assertEqual(
                _said(client),
                {
                    "PIPETWIST_ID": "1",
                    "PIPETWIST_INBOUND": "tcp-in",
                    "REMOTE_ADDR": "127.0.0.1",
                    "REMOTE_PORT": str(port),
                    "NCAT_REMOTE_ADDR": "127.0.0.1",
                },
            )
        of_process = {"REMOTE_PID": str(os.getpid()), "REMOTE_UID": str(os.getuid())}
        for number, (path, known) in enumerate(
            (
                ("in.sock", {"PIPETWIST_INBOUND": "unix-in", "PIPETWIST_USER": "alice"}),
                ("anybody.sock", {"PIPETWIST_INBOUND": "anybody-in"}),
            ),
            2,
        ):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(str(self.folder / path))
                self.assertEqual(
                    _said(client), {"PIPETWIST_ID": str(number), **known, **of_process}
                )
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", self.datagrams))
            client.send(b"who am I?")
            port = client.getsockname()[1]
            whole: Path = self.folder / "whole"
            wait_until(whole.exists, "the command's file")
            self.assertEqual(
                _told(whole.read_text(encoding="utf-8")),
                {
                    "PIPETWIST_ID": "4",
                    "PIPETWIST_INBOUND": "udp-in",
                    "REMOTE_ADDR": "127.0.0.1",
                    "REMOTE_PORT": str(port),
                    "NCAT_REMOTE_ADDR": "127.0.0.1",
                },
            )


def _said(client: socket.socket) -> dict[str, str]:
    return _told(b"".join(iter(lambda: client.recv(1 << 16), b"")).decode())


def _told(printed: str) -> dict[str, str]:
    """The variables about the client that `env` has printed."""
    variables = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    return {name: value for name, value in variables.items() if name in PEER_VARIABLES}
