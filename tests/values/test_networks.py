"""Networks of addresses, and what is in them."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_args

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values import Checked, IpNetwork
from pipetwist.values.networks import Networks, find_address

(_MARK,) = (mark for mark in get_args(IpNetwork) if isinstance(mark, Checked))


def _parse(raw: object) -> Any:
    return _MARK.parse(raw, Path("/etc/pipetwist"))


class WrittenTest(SynchronousTestCase):
    """How a network is written."""

    def test_networks(self) -> None:
        """An address is a network of one, bits beyond the prefix do not count, and an IPv4-mapped
        network is one of IPv4, as whose the addresses of clients are shown.
        """
        for written, network in (
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
            ("::/0", "::/0"),
        ):
            self.assertEqual(_parse(written), network)

    def test_refused(self) -> None:
        """Anything else is refused, an address with an interface's name too, and a number, which
        Python would take for an address.
        """
        for written in ("", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "localhost", 7, None, ["::1"]):
            with self.assertRaisesRegex(ValueError, "neither a network nor an address"):
                _parse(written)


class InTest(SynchronousTestCase):
    """What is in them."""

    def test_in(self) -> None:
        """Networks may overlap, or touch; an address is in them if it is in one of its kind."""
        networks = Networks(("10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "::/8"))
        self.assertEqual(
            [
                ip_address(one) in networks
                for one in ("9.255.255.255", "10.0.0.0", "11.255.255.255", "12.0.0.0", "::1")
            ],
            [False, True, True, False, True],
        )
        self.assertEqual(repr(networks), "<Networks of 2 ranges>")
        self.assertNotIn(ip_address("::1"), Networks(("0.0.0.0/0",)))

    def test_address(self) -> None:
        """The source of a client may be an address, with an interface's name, or something else."""
        self.assertEqual(find_address("192.0.2.1"), ip_address("192.0.2.1"))
        self.assertIn(find_address("fe80::1%eth0"), Networks(("fe80::/10",)))
        for other in ("pid:1", "unix", "vsock:3", ""):
            self.assertIsNone(find_address(other))
