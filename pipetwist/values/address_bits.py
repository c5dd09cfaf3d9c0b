"""Addresses and networks as numbers, to be looked up in dicts."""

from __future__ import annotations

import socket

__all__ = ["address_bits", "network_bits"]

_WIDTHS = {socket.AF_INET: 32, socket.AF_INET6: 128}
_MAPPED = 0xFFFF  # before the bits of IPv4, RFC 4291, section 2.5.5.2
_IPV4_BITS = 32


def address_bits(address: str) -> tuple[int, int] | None:
    """The width of an address, 32 or 128, and its bits as a number. An IPv4-mapped one is the IPv4
    address; None if it is no address, such as the pid of a client of a unix socket.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        bits = int.from_bytes(socket.inet_pton(family, address.partition("%")[0]), "big")
    except (OSError, ValueError):
        return None
    if family == socket.AF_INET6 and bits >> _IPV4_BITS == _MAPPED:
        return _WIDTHS[socket.AF_INET], bits & ((1 << _IPV4_BITS) - 1)
    return _WIDTHS[family], bits


def network_bits(network: str) -> tuple[int, int, int]:
    """The width of a network's addresses, 32 or 128; how many of their bits count; and these bits
    as a number.

    Args:
        network: as `pipetwist.values.networks.parse_network` returns it.
    """
    address, _, length = network.partition("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    width, counts = _WIDTHS[family], int(length)
    bits = int.from_bytes(socket.inet_pton(family, address), "big")
    return width, counts, bits >> (width - counts)
