"""TCP ports, with something in gRPC's place that binds as gRPC does."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.api import tcp_listener
from pipetwist.api.tcp_listener import listen_tcp
from pipetwist.errors import StartError
from pipetwist.network.listening import ListenHosts
from pipetwist.values.listen import TcpListen

__all__ = ["TcpListenerTest"]


class TcpListenerTest(SynchronousTestCase):
    """Taking a port on each address of a host."""

    def setUp(self) -> None:
        """Nothing is bound yet."""
        self.asked: list[str] = []
        self.warned: list[str] = []

    def bind(self, address: str) -> int:
        """What gRPC's server does with an address."""
        self.asked.append(address)
        host, _, port = address.rpartition(":")
        listening = socket.create_server(
            (host.strip("[]"), int(port)), family=socket.AF_INET6 if "[" in host else socket.AF_INET, backlog=1
        )
        self.addCleanup(listening.close)
        bound: int = listening.getsockname()[1]
        return bound

    def listen(self, listen: TcpListen, add_port: Callable[[str], int]) -> int:
        """Have it listen."""
        return listen_tcp(listen, add_port, ListenHosts(), self.warned.append)

    def resolve(self, *addresses: str) -> None:
        """Make every name have these addresses."""

        def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            return [
                (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
            ]

        self.patch(socket, "getaddrinfo", getaddrinfo)

    def failure(self, listen: TcpListen, add_port: Callable[[str], int] | None = None) -> str:
        """What a failed start says."""
        error = self.assertRaises(StartError, self.listen, listen, add_port or self.bind)
        text = str(error)
        self.assertNotIn("\n", text)
        self.assertTrue(text.startswith("experimental.v2ray_api.listen: "), text)
        return text

    def test_free_port(self) -> None:
        """Port 0 takes a free one and says which."""
        port = self.listen(TcpListen("127.0.0.1", 0), self.bind)
        self.assertGreater(port, 0)
        self.assertEqual(self.asked, ["127.0.0.1:0"])

    def test_taken_port(self) -> None:
        """A port that another listens on is refused before gRPC is asked, which would write to standard error."""
        taken = self.bind("127.0.0.1:0")
        self.asked.clear()
        self.assertIn(f"127.0.0.1:{taken}: Address already in use", self.failure(TcpListen("127.0.0.1", taken)))
        self.assertEqual(self.asked, [])

    def test_taken_on_one_address(self) -> None:
        """A port that is taken on one of a name's addresses is refused, though gRPC would be content with the others."""
        taken = self.bind("127.0.0.2:0")
        self.resolve("127.0.0.1", "127.0.0.2")
        self.assertIn(f"name:{taken}, which is 127.0.0.2 too: Address already in use", self.failure(TcpListen("name", taken)))

    def test_several_addresses(self) -> None:
        """A name with several addresses is listened on at each of them, with one port."""
        self.resolve("127.0.0.1", "127.0.0.2", "127.0.0.1")
        port = self.listen(TcpListen("name", 0), self.bind)
        self.assertEqual(self.asked, [f"127.0.0.1:{port}", f"127.0.0.2:{port}"])

    def test_address_of_another_machine(self) -> None:
        """An address that this machine does not have is refused where it is the only one, and left out beside one that it has."""
        self.assertIn("203.0.113.1:1: Cannot assign requested address", self.failure(TcpListen("203.0.113.1", 1)))
        self.resolve("203.0.113.1", "127.0.0.1")
        self.assertGreater(self.listen(TcpListen("name", 0), self.bind), 0)
        self.assertEqual(self.asked, ["127.0.0.1:0"])
        self.assertEqual(self.warned, ["name is 203.0.113.1 as well, where it can't listen: Cannot assign requested address"])

    def test_unknown_host(self) -> None:
        """A host without an address is named."""

        def getaddrinfo(*_: object, **__: object) -> object:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        self.patch(socket, "getaddrinfo", getaddrinfo)
        self.assertIn("nowhere is no address: Name or service not known", self.failure(TcpListen("nowhere", 80)))

    def test_failure_of_grpc(self) -> None:
        """Where gRPC can't take a port that looked free, its own words are told."""

        def refuse(address: str) -> int:
            message = f"Failed to bind to address {address}"
            raise RuntimeError(message)

        self.assertIn("Failed to bind to address 127.0.0.1:0", self.failure(TcpListen("127.0.0.1", 0), refuse))

    def test_privileged_port(self) -> None:
        """A port that only root may take is refused with the system's word for it."""

        def forbid(_: socket.socket, address: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        self.patch(socket.socket, "bind", forbid)
        self.assertIn("127.0.0.1:80: Permission denied", self.failure(TcpListen("127.0.0.1", 80)))

    def test_interface(self) -> None:
        """A link-local address is handed on with its interface's number."""

        def probe(family: int, address: object) -> Any:
            return _LinkLocal()

        self.patch(tcp_listener, "_probe", probe)
        self.resolve("fe80::1")

        def add_port(address: str) -> int:
            self.asked.append(address)
            return 80

        self.listen(TcpListen("fe80::1%eth0", 80), add_port)
        self.assertEqual(self.asked, ["[fe80::1%3]:80"])

    def test_ipv6(self) -> None:
        """An IPv6 address is handed on in brackets."""
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::1", 0))
            except OSError as error:
                message = "there is no IPv6 here"
                raise SkipTest(message) from error
        self.assertGreater(self.listen(TcpListen("::1", 0), self.bind), 0)
        self.assertEqual(self.asked, ["[::1]:0"])


class _LinkLocal(socket.socket):
    """What stands for a socket at a link-local address."""

    def getsockname(self) -> Any:
        """See socket.socket."""
        return ("fe80::1", 80, 0, 3)
