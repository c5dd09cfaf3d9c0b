"""Addresses as pluggable transports write them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.pt_address import read_address


class AddressTest(SynchronousTestCase):
    """What is one, and what is not."""

    def test_read(self) -> None:
        """Each is an IP address and a port, of IPv4 also where it is written as one of IPv6."""
        for text, expected in (
            ("192.0.2.1:443", ("192.0.2.1", 443)),
            ("[2001:DB8::1]:65535", ("2001:db8::1", 65535)),
            ("[::ffff:192.0.2.1]:1", ("192.0.2.1", 1)),
        ):
            self.assertEqual(read_address(text), expected)

    def test_none(self) -> None:
        """Names, interfaces, and other ports than there are, are not taken."""
        for text in (
            *("", ":", "localhost:1", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536"),
            *("192.0.2.1:-1", "192.0.2.1:\u0661", f"192.0.2.1:{'1' * 5000}", "[fe80::1%eth0]:1"),
        ):
            self.assertIsNone(read_address(text), text)
