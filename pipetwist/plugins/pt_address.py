"""Addresses as pluggable transports of Tor's write them: where they listen, and where their clients
come from.
"""

from __future__ import annotations

from ipaddress import ip_address

from pipetwist.values.addresses import plain_host

__all__ = ["read_address"]

_PORTS = range(1, 1 << 16)


def read_address(text: str) -> tuple[str, int] | None:
    """Read ``ADDRESS:PORT``, where an address of IPv6 stands in brackets.

    Returns:
        The IP address, that of IPv4 where it is written as one of IPv6, and the port; None if the
        text is no such thing.
    """
    host, _, port = text.rpartition(":")
    if "%" in host:  # behind that an interface may have any name
        return None
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port) if port.isascii() and port.isdecimal() else 0
    except ValueError:  # it is none, or its port has more digits than Python takes
        return None
    return (plain_host(str(address)), number) if number in _PORTS else None
