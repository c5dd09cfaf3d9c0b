"""Addresses of the network."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeAlias

__all__ = ["SocketAddress", "numeric_address", "plain_host", "shown_address", "shown_peer"]

_MAPPED = "::ffff:"

SocketAddress: TypeAlias = Any
"""An address of the module ``socket``, which types it as Any too: a tuple of two for IPv4, of four
for IPv6, and a text or bytes for a unix socket.
"""


def numeric_address(host: str, port: int) -> tuple[int, SocketAddress] | None:
    """The family and the socket address of a host written in digits; None for a name, or for one
    with an interface's (``fe80::1%eth0``).
    """
    try:
        version = ip_address(host).version
    except ValueError:
        return None
    if "%" in host:
        # Only the system knows the interface's number, perhaps only later.
        return None
    return (socket.AF_INET, (host, port)) if version == 4 else (socket.AF_INET6, (host, port, 0, 0))


def plain_host(host: str) -> str:
    """Turn an IPv4-mapped IPv6 address (``::ffff:192.0.2.1``, RFC 4291, section 2.5.5.2) into the
    IPv4 address.
    """
    if ":" not in host or host[:7].lower() != _MAPPED:
        return host
    try:
        mapped = IPv6Address(host).ipv4_mapped
    except ValueError:
        return host
    return host if mapped is None else str(mapped)


def shown_address(host: str, port: object) -> str:
    """An address for people."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shown_peer(peer: object) -> str:
    """An address of Twisted's for people; ``unix`` for one without a host."""
    host = getattr(peer, "host", None)
    return "unix" if host is None else shown_address(plain_host(host), getattr(peer, "port", None))
