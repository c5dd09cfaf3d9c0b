"""Starts of the service that fail."""

from __future__ import annotations

import gc
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiOptions
from pipetwist.api.service import StatsApi
from pipetwist.api.services import V2RAY_SERVICE
from pipetwist.errors import StartError
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from pipetwist.values.bind_address import PortAddress
from tests.support.api_server import (
    Client,
    counted,
    reactor_thread,
    start_api,
)
from tests.support.programs import run_python


class FailureTest(SynchronousTestCase):
    """Starts that fail."""

    def failure(self, listen: str | None, **options: Any) -> str:
        """What a failed start says; the service does not run then."""
        api = StatsApi(
            ApiOptions(listen=listen, **options),
            MemoryCounterStore(),
            OnlineUsers(lambda: 0.0),
            reactor_thread(self).reactor,
        )
        text = str(self.assertRaises(StartError, reactor_thread(self).call, api.startService))
        self.assertFalse(api.running)
        self.assertIsNone(api.address)
        self.assertNotIn("\n", text)
        self.assertTrue(text.startswith("experimental.v2ray_api.listen"), text)
        return text

    def test_no_address(self) -> None:
        """Options that say nothing about listening are refused."""
        self.assertIn("say where to listen", self.failure(None))

    def test_bad_address(self) -> None:
        """A text that is not an address is refused."""
        self.assertIn("is not an address", self.failure("10085"))

    def test_taken_port(self) -> None:
        """A port that another server has is not shared with it, nor is that of a gRPC server, which
        would share it.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.assertIn(
                f"127.0.0.1:{port}: Address already in use", self.failure(f"127.0.0.1:{port}")
            )
        address = start_api(self).address
        self.assertIn(f"{address}: Address already in use", self.failure(str(address)))

    def test_port_for_sharing(self) -> None:
        """A program that would share the port later, as gRPC's servers do, can't."""
        address = start_api(self).address
        assert isinstance(address, PortAddress)
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.assertRaises(OSError, other.bind, (address.host, address.port))

    def test_second_address_taken(self) -> None:
        """A failure at one address of a name gives back the others."""
        with socket.create_server(("127.0.0.2", 0)) as other:
            port = other.getsockname()[1]

            def getaddrinfo(*_: object, **__: object) -> list[Any]:
                return [
                    (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
                    for host in ("127.0.0.1", "127.0.0.2")
                ]

            self.patch(socket, "getaddrinfo", getaddrinfo)
            self.assertIn(
                f"localhost:{port}, which is 127.0.0.2 too: Address already in use",
                self.failure(f"localhost:{port}"),
            )
        gc.collect()
        start_api(self, listen=f"127.0.0.1:{port}")

    def test_not_loopback(self) -> None:
        """An address that other machines reach is refused without TLS, unless the options say that
        it may be.
        """
        self.assertIn("without TLS", self.failure("0.0.0.0:0"))
        self.assertIn("without TLS", self.failure("[::]:0"))
        api = start_api(self, counted({"a": 1}), listen="0.0.0.0:0", insecure=True)
        assert isinstance(api.address, PortAddress)
        self.assertEqual(
            Client(self, f"127.0.0.1:{api.address.port}", V2RAY_SERVICE)
            .call("GetStats", name="a")
            .stat.value,
            1,
        )

    def test_quiet(self) -> None:
        """A failed start writes nothing to standard error by itself: the one line is all that
        people see.
        """
        program = """
import socket
from tests.support.api_server import start_api
from pipetwist.errors import StartError
from twisted.trial.unittest import SynchronousTestCase
with socket.create_server(("127.0.0.1", 0)) as other:
    try:
        start_api(SynchronousTestCase(), listen=f"127.0.0.1:{other.getsockname()[1]}")
    except StartError:
        print("refused")
"""
        outcome = run_python("-c", program)
        self.assertEqual((outcome.stdout, outcome.stderr), ("refused\n", ""))
