"""A UDP inbound that listens on every address of this machine: answers come from the address that
was sent to.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.support.datagram_case import DatagramCase


class AddressesTest(DatagramCase):
    """IPv4, of which a whole network is this machine's loopback."""

    inbound_options = {"listen": "0.0.0.0"}  # noqa: RUF012 - see DatagramCase
    family = socket.AF_INET
    addresses: tuple[str, ...] = ("127.0.0.2", "127.0.0.1", "127.9.9.9")

    def setUp(self) -> None:
        """See whether there are such addresses."""
        try:
            with socket.socket(self.family, socket.SOCK_DGRAM) as probe:
                probe.bind((self.addresses[0], 0))
        except OSError as error:
            message = f"{self.addresses[0]} is not an address here: {error}"
            raise SkipTest(message) from error
        super().setUp()

    def test_answers(self) -> None:
        """One source that sends to several addresses is answered from each; a client that hears but
        the one it sent to hears it.
        """
        source = socket.socket(self.family, socket.SOCK_DGRAM)
        self.addCleanup(source.close)
        source.setblocking(False)
        for number, address in enumerate(self.addresses, 1):
            source.sendto(b"question", (address, self.inbound.port))
            self.came(self.server, b"question")
            self.server.send(b"first")
            self.server.send(b"second")
            self.assertEqual(
                [self._next(source), self._next(source)],
                [(b"first", address), (b"second", address)],
            )
            # The same source at another address is another association.
            self.assertEqual(self.open, number)

        connected = socket.socket(self.family, socket.SOCK_DGRAM)
        self.addCleanup(connected.close)
        connected.setblocking(False)
        connected.connect((self.addresses[0], self.inbound.port))
        connected.send(b"question")
        self.came(self.server, b"question")
        self.server.send(b"answer")
        self.assertEqual(self._next(connected), (b"answer", self.addresses[0]))

    def _next(self, client: socket.socket) -> tuple[bytes, str]:
        """The next datagram at a client, and the address that it came from."""
        came: list[tuple[bytes, str]] = []

        def take() -> bool:
            try:
                datagram, source = client.recvfrom(100)
            except BlockingIOError:
                return False
            self.assertEqual(source[1], self.inbound.port)
            came.append((datagram, source[0]))
            return True

        self.loop.until(take, "an answer")
        return came[0]


class BothFamiliesTest(AddressesTest):
    """The same where the inbound listens on every address of both families."""

    inbound_options = {"listen": "::"}  # noqa: RUF012 - see DatagramCase

    def test_peer(self) -> None:
        """A client over IPv4 is shown with its IPv4 address, as on an inbound for IPv4 only."""
        source = socket.socket(self.family, socket.SOCK_DGRAM)
        self.addCleanup(source.close)
        source.bind(("127.0.0.1", 0))
        source.sendto(b"question", ("127.0.0.1", self.inbound.port))
        self.came(self.server, b"question")
        (account,) = self.service.relay.connection_table.connections()
        client_info = account.client_info
        self.assertEqual(
            (client_info.peer, client_info.source),
            (f"127.0.0.1:{source.getsockname()[1]}", "127.0.0.1"),
        )


class PlainFamiliesTest(BothFamiliesTest):
    """The same where the system does not say what was sent to, and chooses the address itself."""

    plain = True
    addresses = ("127.0.0.1",)


class NameTest(AddressesTest):
    """A name, of whose addresses this machine has two: the inbound listens at both."""

    inbound_options = {"listen": "relay.example", "max_associations": 2}  # noqa: RUF012 - see DatagramCase
    addresses = ("127.0.0.2", "127.0.0.3")

    @staticmethod
    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        """See socket.getaddrinfo."""
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("192.0.2.1", "127.0.0.2", "127.0.0.3")
        ]

    def test_listens(self) -> None:
        """An address that this machine has not got is warned of."""
        self.assertEqual(
            self.warnings(),
            [
                (
                    "inbound in: relay.example is also 192.0.2.1, where it can't listen: "
                    "Cannot assign requested address"
                )
            ],
        )

    def test_most(self) -> None:
        """How many associations there may be counts over all addresses, and the one that was idle
        for longest goes, wherever it came in.
        """
        sources = [socket.socket(self.family, socket.SOCK_DGRAM) for _ in range(3)]
        for source, address in zip(sources, ("127.0.0.2", "127.0.0.3", "127.0.0.3"), strict=True):
            self.addCleanup(source.close)
            source.sendto(b"question", (address, self.inbound.port))
            self.came(self.server, b"question")
        self.assertEqual((self.open, self.inbound.associations), (2, 2))
        self.assertEqual(
            self.reason(), "client: the oldest of max_associations (2) made room for another"
        )
        self.assertEqual(self.lines()[0]["peer"], f"127.0.0.1:{sources[0].getsockname()[1]}")


class SixthAddressesTest(AddressesTest):
    """IPv6, of which this machine has one address for itself."""

    inbound_options = {"listen": "::"}  # noqa: RUF012 - see DatagramCase
    family = socket.AF_INET6
    addresses = ("::1",)


class PlainSixthAddressesTest(SixthAddressesTest):
    """The same where the system does not say what was sent to, and chooses the address itself."""

    plain = True
