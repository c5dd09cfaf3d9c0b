"""A quota of a real daemon whose clients send datagrams: what the server has received."""

from __future__ import annotations

import contextlib
import socket

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.quotas.stored import quota_path
from pipetwist.storage.offline import read_counters
from tests.support.daemon import start_daemon
from tests.support.scratch import free_datagram_port, scratch_folder, wait_until

_QUOTA = 2_000_000
_MORE = 1 << 20
_CLIENTS = 200
_DATAGRAM = bytes(1400)
_EACH = 4


class DatagramQuotaTest(SynchronousTestCase):
    """A server that takes everything, and many sources of one user."""

    def setUp(self) -> None:
        """Start the server, and have the clients."""
        self.folder = scratch_folder(self)
        self.server = self.socket()
        self.server.bind(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.received = 0

    def socket(self) -> socket.socket:
        """A socket that is closed at the end."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        return made

    def receive(self) -> None:
        """Take what has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.received += len(self.server.recv(1 << 16))

    def configuration(self, transfer: str, port: int) -> dict[str, object]:
        """One user with a quota."""
        limits = {"quota": [{"bytes": _QUOTA, "per": "month"}]}
        return {
            "transfer": transfer,
            "timezone": "UTC",
            "users": [{"name": "me", "source": ["127.0.0.0/8"], "limits": limits}],
            "inbounds": [
                {
                    "type": "udp",
                    "tag": "in",
                    "listen": "127.0.0.1",
                    "listen_port": port,
                    "users": ["me"],
                }
            ],
            "outbounds": [
                {
                    "type": "udp",
                    "tag": "out",
                    "server": "127.0.0.1",
                    "server_port": self.server.getsockname()[1],
                }
            ],
            "experimental": {"v2ray_api": {"stats": {"store": "counters.db"}}},
        }

    def take_all(self, transfer: str) -> None:
        """Of 200 sources the server gets no more than there is."""
        port = free_datagram_port(self)
        daemon = start_daemon(self, self.configuration(transfer, port), folder=self.folder)
        clients = [self.socket() for _ in range(_CLIENTS)]
        for client in clients:
            client.connect(("127.0.0.1", port))

        def used_up() -> bool:
            for client in clients:
                for _ in range(_EACH):
                    client.send(_DATAGRAM)
            self.receive()
            return "user me has reached quota" in daemon.log

        wait_until(used_up, "its line")
        daemon.stop()
        self.receive()
        used = sum(one.value for one in read_counters(quota_path(str(self.folder / "counters.db"))))
        self.assertGreaterEqual(used, _QUOTA)
        self.assertLessEqual(used, _QUOTA + _MORE)
        self.assertLessEqual(self.received, used)
        self.assertGreater(self.received, 0)

    def test_batches(self) -> None:
        """Where they are read in batches."""
        self.take_all("kernel")

    def test_one_by_one(self) -> None:
        """On what every system has."""
        self.take_all("stream")
