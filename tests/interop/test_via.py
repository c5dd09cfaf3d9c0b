"""Servers behind proxies of others: V2Ray's, microsocks and ``ssh -D``."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.socks_proxies import microsocks, ssh, v2ray
from tests.support.daemon import Daemon, start_daemon
from tests.support.scratch import free_port, scratch_folder, wait_until

_UP, _DOWN = (random.Random(seed).randbytes(3_000_000 + seed) for seed in (1, 2))


class ViaTest(SynchronousTestCase):
    """A client, pipetwist, a proxy and a server whose name the proxy resolves."""

    transfer = "kernel"

    def setUp(self) -> None:
        """Listen as the server."""
        self.folder = scratch_folder(self)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(60)
        self.addCleanup(self.listening.close)
        self.port: int = self.listening.getsockname()[1]

    def test_microsocks(self) -> None:
        """Through microsocks."""
        self.carry(microsocks(self, self.folder, password=False))

    def test_microsocks_with_password(self) -> None:
        """Through a microsocks that asks who it is for."""
        self.carry(microsocks(self, self.folder, password=True))

    def test_v2ray_socks(self) -> None:
        """Through V2Ray's inbound ``socks``, in each version."""
        via = v2ray(self, self.folder, "socks", password=False)
        self.carry(via)
        self.carry({**via, "version": "4a"})
        self.carry({**via, "version": "4"}, server="127.0.0.1")

    def test_v2ray_socks_with_password(self) -> None:
        """Through V2Ray's inbound ``socks`` that asks who it is for."""
        self.carry(v2ray(self, self.folder, "socks", password=True))

    def test_v2ray_http(self) -> None:
        """Through V2Ray's inbound ``http``."""
        self.carry(v2ray(self, self.folder, "http", password=False))

    def test_v2ray_http_with_password(self) -> None:
        """Through V2Ray's inbound ``http`` that asks who it is for."""
        self.carry(v2ray(self, self.folder, "http", password=True))

    def test_ssh(self) -> None:
        """Through ``ssh -D``."""
        via = ssh(self, self.folder)
        self.carry(via)
        self.carry({**via, "version": "4a"})

    def test_wrong_password(self) -> None:
        """Each tells that it does not know the user, and that is the reason in the log."""
        for via, said in (
            (microsocks(self, self.folder, password=True), "the SOCKS proxy refused the username"),
            (
                v2ray(self, self.folder, "socks", password=True),
                "the SOCKS proxy refused the username",
            ),
            (
                v2ray(self, self.folder, "http", password=True),
                "the HTTP proxy refused the username and password",
            ),
        ):
            self.refused({**via, "password": "wrong"}, said)

    def test_nobody_listens(self) -> None:
        """Where the server is not there the proxy's own words are the reason, if it has any."""
        self.port = free_port(self)
        self.refused(
            microsocks(self, self.folder, password=False),
            f"the SOCKS proxy can't connect localhost:{self.port}: Connection refused",
        )

    def carry(self, via: Mapping[str, object], server: str = "localhost") -> None:
        """Send much both ways, and have it counted to the byte."""
        daemon = self.start(via, server)
        with socket.socket(socket.AF_UNIX) as client, ThreadPoolExecutor(1) as pool:
            client.settimeout(60)
            client.connect(str(daemon.folder / "in.sock"))
            served = pool.submit(self.serve)
            client.sendall(_UP)
            self.assertTrue(_receive(client, len(_DOWN)) == _DOWN)
            client.close()
            self.assertTrue(served.result(60) == _UP)
        line = f"up={len(_UP)} down={len(_DOWN)}: "
        wait_until(lambda: line in daemon.log, line)

    def serve(self) -> bytes:
        """Be the server of one connection."""
        accepted, _ = self.listening.accept()
        with accepted:
            accepted.settimeout(60)
            received = _receive(accepted, len(_UP))
            accepted.sendall(_DOWN)
            accepted.recv(1)
            return received

    def refused(self, via: Mapping[str, object], said: str) -> None:
        """Connect where the proxy lets nobody through."""
        daemon = self.start(via)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(daemon.folder / "in.sock"))
            self.assertEqual(client.recv(1), b"")
        line = f"cannot connect: via 127.0.0.1:{via['server_port']}: {said}"
        wait_until(lambda: line in daemon.log, line)

    def start(self, via: Mapping[str, object], server: str = "localhost") -> Daemon:
        """Start pipetwist."""
        return start_daemon(
            self,
            {
                "transfer": self.transfer,
                "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
                "outbounds": [
                    {
                        "type": "tcp",
                        "tag": "out",
                        "server": server,
                        "server_port": self.port,
                        "via": via,
                    }
                ],
            },
        )


def _receive(connected: socket.socket, size: int) -> bytes:
    """So many bytes, or those before an end of file."""
    received = bytearray()
    while len(received) < size:
        came = connected.recv(1 << 16)
        if not came:
            break
        received += came
    return bytes(received)


class StreamViaTest(ViaTest):
    """The same where Twisted's transports move the bytes."""

    transfer = "stream"
