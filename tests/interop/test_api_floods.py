"""Clients of the API that send more than any client has a reason to, against a daemon."""

from __future__ import annotations

import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE
from tests.api.serving import Client
from tests.interop.daemon import start_daemon
from tests.interop.scratch import free_port, wait_until

__all__ = ["FloodTest"]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
_MOST = 64 * 1024 * 1024  # what is sent before the test gives up


class FloodTest(SynchronousTestCase):
    """A request's headers that never end (RFC 9113, 6.10)."""

    def test_continuations(self) -> None:
        """Who sends headers without an end is closed, the log says who it was, and other clients are answered."""
        port = free_port(self)
        daemon = start_daemon(
            self,
            {
                "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
                "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
                "experimental": {"v2ray_api": {"listen": f"127.0.0.1:{port}", "stats": {"enabled": True, "inbounds": ["in"]}}},
            },
        )
        sender = self.flood(port, (b"\0\4name" + b"\x32" + b"v" * 50) * 250)
        said = f"experimental.v2ray_api: {sender} was closed: a request has more than 65536 bytes of headers"
        wait_until(lambda: said in daemon.log, "the log to say so")
        self.flood(port, b"")
        Client(self, f"127.0.0.1:{port}", V2RAY_SERVICE).call("GetSysStats")
        daemon.stop()

    def flood(self, port: int, payload: bytes) -> str:
        """Send until it is closed; who sent."""
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connected:
            host, number = connected.getsockname()
            connected.sendall(_PREFACE + _frame(1, payload))
            frame = _frame(9, payload)
            with self.assertRaises(ConnectionError):
                for _ in range(_MOST // len(frame)):
                    connected.sendall(frame)
        return f"{host}:{number}"


def _frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, 0, 1) + payload
