"""Addresses and networks as numbers."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_interface, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.address_bits import address_bits, network_bits
from pipetwist.values.networks import parse_network


class AddressBitsTest(SynchronousTestCase):
    """What is in what."""

    def test_no_address(self) -> None:
        """What is no address has no bits."""
        for text in ("", "pid:9", "unix", "vsock:3", "10.1", "\0", "10.0.0.1 ", "::1::"):
            self.assertIsNone(address_bits(text), text)

    @given(st.ip_addresses(), st.ip_addresses(), st.data())
    def test_any(self, one: object, other: object, data: st.DataObject) -> None:
        """An address is in a network where the bits say so, as the standard library says."""
        longest = 128 if isinstance(one, IPv6Address) else 32
        length = data.draw(st.integers(0, longest))
        written = parse_network(f"{one}/{length}")
        width, counts, bits = network_bits(written)
        of_width, address = address_bits(str(other)) or (0, 0)
        mapped = getattr(ip_address(str(other)), "ipv4_mapped", None)
        self.assertEqual(
            of_width == width and address >> (width - counts) == bits,
            (mapped or ip_address(str(other))) in ip_network(written),
        )
        if getattr(one, "ipv4_mapped", None) is None:
            self.assertEqual(written, str(ip_interface(f"{one}/{length}").network))
