"""Opens datagram sockets."""

from __future__ import annotations

import os
import socket

from pipetwist.datagram.context import enlarge_buffers
from pipetwist.errors import ConnectError
from pipetwist.network.listening import choose_families, is_unspecified
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.values.addresses import SocketAddress

__all__ = ["MAX_UDP_BYTES", "connect_datagram", "open_udp"]

MAX_UDP_BYTES = 65507
"""The largest payload of a UDP datagram over IPv4: 65,535 bytes less 20 of IP's header and 8 of its
own.
"""

# Each datagram then says which of this machine's addresses it was sent to, ip(7), ipv6(7).
_SAY_ADDRESS = {
    socket.AF_INET: (getattr(socket, "IPPROTO_IP", 0), 8),
    socket.AF_INET6: (getattr(socket, "IPPROTO_IPV6", 41), 49),
}


def open_udp(family: int, address: SocketAddress) -> ListeningSocket:
    """Open a listening socket on an address.

    Args:
        family: the address's family.
        address: the address and the port.

    Raises:
        OSError: the system refuses it.
    """
    opened = ListeningSocket(family, socket.SOCK_DGRAM)
    try:
        choose_families(opened, address)
        if is_unspecified(address) and os.name == "posix":
            opened.setsockopt(*_SAY_ADDRESS[opened.family], 1)
        enlarge_buffers(opened)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened


def connect_datagram(family: int, address: SocketAddress, name: str) -> socket.socket:
    """Open a socket with one peer.

    Args:
        family: the address's family.
        address: the peer, the only one that it sends to and receives from.
        name: the address for people.

    Raises:
        ConnectError: nothing can be sent there.
    """
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise _error(name, error) from None
    try:
        opened.setblocking(False)
        enlarge_buffers(opened)
        if family == socket.AF_UNIX:
            # An abstract name chosen by the kernel (unix(7), autobind): without a name it can't get
            # answers.
            opened.bind("")
        opened.connect(address)
    except OSError as error:
        opened.close()
        raise _error(name, error) from None
    return opened


def _error(name: str, error: OSError) -> ConnectError:
    return ConnectError(f"{name}: {error.strerror}")
