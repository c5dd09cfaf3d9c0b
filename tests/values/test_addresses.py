"""Addresses of hosts."""

from __future__ import annotations

import socket

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.addresses import numeric_address, plain_host, shown_address, shown_peer


class AddressesTest(SynchronousTestCase):
    """How hosts are taken, and shown."""

    def test_numeric(self) -> None:
        """A host in digits needs no look-up; a name does, and so does an address that is good on
        one interface alone.
        """
        self.assertEqual(numeric_address("127.0.0.1", 53), (socket.AF_INET, ("127.0.0.1", 53)))
        self.assertEqual(numeric_address("::1", 53), (socket.AF_INET6, ("::1", 53, 0, 0)))
        for host in ("localhost", "fe80::1%lo"):
            self.assertIsNone(numeric_address(host, 53))

    def test_shown(self) -> None:
        """A colon in the host is distinguished from the port's."""
        self.assertEqual(
            (shown_address("::1", 53), shown_address("localhost", 53)), ("[::1]:53", "localhost:53")
        )

    def test_peer(self) -> None:
        """Where Twisted says that a peer is, is shown in the same way; one without a host is on a
        unix socket.
        """
        for peer, shown in (
            (IPv4Address("TCP", "192.0.2.7", 4711), "192.0.2.7:4711"),
            (IPv6Address("TCP", "2001:db8::7", 4711), "[2001:db8::7]:4711"),
            (IPv6Address("TCP", "::ffff:192.0.2.7", 4711), "192.0.2.7:4711"),
            (UNIXAddress(None), "unix"),
        ):
            self.assertEqual(shown_peer(peer), shown)

    def test_plain(self) -> None:
        """An address of IPv4 in an IPv6 one is what it is, however it is written; nothing else is
        changed.
        """
        for host in ("::ffff:192.0.2.1", "::FFFF:c000:201"):
            self.assertEqual(plain_host(host), "192.0.2.1")
        for host in ("192.0.2.1", "::1", "::ffff:0:192.0.2.1", "::ffff:relay", "relay.example"):
            self.assertEqual(plain_host(host), host)
