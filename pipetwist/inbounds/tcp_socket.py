"""Listening TCP sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from pipetwist.inbounds.listening_socket import ListeningSocket
from pipetwist.network.listening import choose_families, open_everywhere
from pipetwist.network.lookups import Address

__all__ = ["listen_tcp"]

_BACKLOG = 4096  # the kernel lowers it to net.core.somaxconn


def listen_tcp(place: str, host: str, port: int, found: Sequence[Address], warn: Callable[[str], object]) -> list[ListeningSocket]:
    """Listen on a port at each address of a host; the arguments are those of `open_everywhere`.

    Raises:
        StartError: it can't listen there.
    """
    return open_everywhere(place, host, port, found, _listen, warn)


def _listen(family: int, address: Any) -> ListeningSocket:
    listening = ListeningSocket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        choose_families(listening, address)
        listening.bind(address)
        # What is accepted has this as well: a relay passes on what it gets, and waits for no more to fill a segment.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
