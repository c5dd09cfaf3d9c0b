"""A listening TCP socket."""

from __future__ import annotations

import os
import socket

from pipetwist.errors import StartError
from pipetwist.inbounds.listening_socket import ListeningSocket
from pipetwist.values.addresses import shown_address

__all__ = ["listen_tcp"]

_BACKLOG = 4096  # the kernel lowers it to net.core.somaxconn


def listen_tcp(place: str, host: str, port: int) -> ListeningSocket:
    """Listen on an address.

    Args:
        place: whose it is, for errors.
        host: the address, or a name of it.
        port: the port; 0 for a free one.

    Raises:
        StartError: it can't listen there.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        message = f"{place}: listen: {host} is no address: {error.strerror}"
        raise StartError(message) from error
    family, kind, protocol, _, address = found[0]
    listening = ListeningSocket(family, kind, protocol)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        # What is accepted has this as well: a relay passes on what it gets, and waits for no more to fill a segment.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        message = f"{place}: can't listen on {shown_address(host, port)}: {error.strerror}"
        raise StartError(message) from error
    return listening
