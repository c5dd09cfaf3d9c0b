"""Clients of the API that send more than any client has a reason to, against a daemon."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE
from tests.support.api_server import Client
from tests.support.daemon import start_daemon
from tests.support.scratch import free_port, scratch_folder, wait_until

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
_MOST = 64 * 1024 * 1024  # what is sent before the test gives up


class FloodTest(SynchronousTestCase):
    """A request's headers that never end (RFC 9113, 6.10)."""

    def test_continuations(self) -> None:
        """A client that sends headers without an end is closed, the log has its address, and other
        clients are answered.
        """
        port = free_port(self)
        self.endure(
            f"127.0.0.1:{port}",
            f"127.0.0.1:{port}",
            lambda: socket.create_connection(("127.0.0.1", port), timeout=60),
        )

    def test_unix(self) -> None:
        """So is who does it over a unix socket."""
        folder = scratch_folder(self)

        def connect() -> socket.socket:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(60)
            client.connect(str(folder / "api.sock"))
            return client

        self.endure("unix:api.sock", f"unix:{folder}/api.sock", connect, folder)

    def endure(
        self,
        listen: str,
        target: str,
        connect: Callable[[], socket.socket],
        folder: Path | None = None,
    ) -> None:
        """Start a daemon and flood its API."""
        daemon = start_daemon(
            self,
            {
                "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
                "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
                "experimental": {
                    "v2ray_api": {"listen": listen, "stats": {"enabled": True, "inbounds": ["in"]}}
                },
            },
            folder=folder,
        )
        sender = self.flood(connect(), (b"\0\4name" + b"\x32" + b"v" * 50) * 250)
        said = (
            f"experimental.v2ray_api: {sender} was closed: a request has more than 65536 bytes of "
            "headers"
        )
        wait_until(lambda: said in daemon.log, "the log to say so")
        self.flood(connect(), b"")
        Client(self, target, V2RAY_SERVICE).call("GetSysStats")
        daemon.stop()

    def flood(self, connected: socket.socket, payload: bytes) -> str:
        """Send until it is closed; who sent."""
        with connected:
            host, number = connected.getsockname() or ("unix", None)
            connected.sendall(_PREFACE + _frame(1, payload))
            frame = _frame(9, payload)
            with self.assertRaises(ConnectionError):
                for _ in range(_MOST // len(frame)):
                    connected.sendall(frame)
        return "unix" if number is None else f"{host}:{number}"


def _frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, 0, 1) + payload
