"""Opens datagram sockets."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from typing import Any

from pipetwist.errors import ConnectError, StartError
from pipetwist.packets.setting import enlarge_buffers
from pipetwist.values.addresses import shown_address

__all__ = ["LARGEST_UDP", "connect_datagram", "listen_udp"]

LARGEST_UDP = 65507
"""The largest payload of a UDP datagram over IPv4: 65,535 bytes less 20 of IP's header and 8 of its own."""

# Each datagram then says which of this machine's addresses it was sent to, ip(7), ipv6(7).
_SAY_ADDRESS = {socket.AF_INET: (getattr(socket, "IPPROTO_IP", 0), 8), socket.AF_INET6: (getattr(socket, "IPPROTO_IPV6", 41), 49)}


def listen_udp(place: str, host: str, port: int) -> tuple[socket.socket, bool]:
    """Open a socket that anybody may send to.

    Args:
        place: whose it is, for errors.
        host: the address, or a name of it.
        port: the port; 0 for a free one.

    Returns:
        The socket, and whether it takes what is sent to any address of this machine.

    Raises:
        StartError: it can't listen there.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        message = f"{place}: listen: {host} is no address: {error.strerror}"
        raise StartError(message) from error
    family, kind, protocol, _, address = found[0]
    opened = socket.socket(family, kind, protocol)
    anywhere = ip_address(address[0]).is_unspecified
    try:
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if anywhere and os.name == "posix":
            opened.setsockopt(*_SAY_ADDRESS[family], 1)
        enlarge_buffers(opened)
        opened.bind(address)
    except OSError as error:
        opened.close()
        message = f"{place}: can't listen on {shown_address(host, port)}: {error.strerror}"
        raise StartError(message) from error
    return opened, anywhere


def connect_datagram(family: int, address: Any, name: str) -> socket.socket:
    """Open a socket with one peer.

    Args:
        family: the address's family.
        address: whom it sends to, and alone hears.
        name: the address for people.

    Raises:
        ConnectError: nobody can be sent to there.
    """
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise _error(name, error) from None
    try:
        opened.setblocking(False)
        enlarge_buffers(opened)
        if family == socket.AF_UNIX:
            # An abstract name of the kernel's choice (unix(7), autobind): without one there would be no answers.
            opened.bind("")
        opened.connect(address)
    except OSError as error:
        opened.close()
        raise _error(name, error) from None
    return opened


def _error(name: str, error: OSError) -> ConnectError:
    return ConnectError(f"{name}: {error.strerror}")
