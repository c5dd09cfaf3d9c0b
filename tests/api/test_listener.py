"""Where the API listens, in a real reactor."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE
from pipetwist.errors import StartError
from pipetwist.values.bind_address import PortAddress
from tests.support.api_server import Client, counted, start_api


class TcpTest(SynchronousTestCase):
    """Taking a port on each address of a host."""

    def start(self, listen: str, **options: Any) -> int:
        """Serve a counter there; the port."""
        address = start_api(self, counted({"a": 7}), listen=listen, **options).address
        assert isinstance(address, PortAddress)
        return address.port

    def serves(self, target: str) -> None:
        """Ask for the counter."""
        self.assertEqual(
            Client(self, target, V2RAY_SERVICE).call("GetStats", name="a").stat.value, 7
        )

    def resolve(self, *addresses: str) -> None:
        """Make every name have these addresses."""

        def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            return [
                (
                    socket.AF_INET6 if ":" in address else socket.AF_INET,
                    socket.SOCK_STREAM,
                    6,
                    "",
                    (address, port),
                )
                for address in addresses
            ]

        self.patch(socket, "getaddrinfo", getaddrinfo)

    def failure(self, listen: str) -> str:
        """What a failed start says."""
        text = str(self.assertRaises(StartError, self.start, listen))
        self.assertNotIn("\n", text)
        self.assertTrue(text.startswith("experimental.v2ray_api.listen: "), text)
        return text

    def test_several_addresses(self) -> None:
        """A name with several addresses is served at each of them, with one port."""
        self.resolve("127.0.0.1", "127.0.0.2", "127.0.0.1")
        port = self.start("localhost:0")
        for host in ("127.0.0.1", "127.0.0.2"):
            self.serves(f"{host}:{port}")

    def test_address_of_another_machine(self) -> None:
        """An address that this machine does not have is refused where it is the only one, and left
        out beside one that it has.
        """
        self.assertIn("203.0.113.1:1: Cannot assign requested address", self.failure_elsewhere())
        self.resolve("203.0.113.1", "127.0.0.1")
        with capturedLogs() as events:
            self.serves(f"127.0.0.1:{self.start('localhost:0')}")
        said = (
            "experimental.v2ray_api.listen: localhost is also 203.0.113.1, where it can't "
            "listen: Cannot assign requested address"
        )
        self.assertIn(said, [formatEvent(event) for event in events])

    def failure_elsewhere(self) -> str:
        """What a start at such an address says."""
        return str(self.assertRaises(StartError, self.start, "203.0.113.1:1", insecure=True))

    def test_unknown_host(self) -> None:
        """A host without an address is named."""

        def getaddrinfo(*_: object, **__: object) -> object:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        self.patch(socket, "getaddrinfo", getaddrinfo)
        self.assertIn(
            "localhost is not an address: Name or service not known", self.failure("localhost:80")
        )

    def test_privileged_port(self) -> None:
        """A port that only root may take is refused with the system's word for it."""

        def forbid(_: socket.socket, address: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        self.patch(socket.socket, "bind", forbid)
        self.assertIn("127.0.0.1:80: Permission denied", self.failure("127.0.0.1:80"))

    def test_both_families(self) -> None:
        """The address :: is served by IPv4 and IPv6."""
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::1", 0))
            except OSError as error:
                message = "there is no IPv6 here"
                raise SkipTest(message) from error
        port = self.start("[::]:0", insecure=True)
        for host in ("127.0.0.1", "[::1]"):
            self.serves(f"{host}:{port}")
