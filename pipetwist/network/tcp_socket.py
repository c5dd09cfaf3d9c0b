"""Listening TCP sockets, and how Twisted listens with them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IReactorSocket

from pipetwist.network.listening import choose_families, open_everywhere
from pipetwist.network.lookups import Address

__all__ = ["adopted_endpoint", "listen_tcp", "takes_sockets"]

_BACKLOG = 4096  # the kernel lowers it to net.core.somaxconn

_Listening = TypeVar("_Listening", bound=socket.socket)


def listen_tcp(
    place: str, host: str, port: int, found: Sequence[Address], warn: Callable[[str], object], kind: type[_Listening]
) -> list[_Listening]:
    """Listen on a port at each address of a host.

    Args:
        place: see `open_everywhere`, as of the others but the last.
        host: the host.
        port: the port.
        found: the addresses.
        warn: is told of addresses that are not here.
        kind: the class of the sockets.

    Raises:
        StartError: it can't listen there.
    """
    return open_everywhere(place, host, port, found, partial(_listen, kind), warn)


def _listen(kind: type[_Listening], family: int, address: Any) -> _Listening:
    listening = kind(family, socket.SOCK_STREAM)
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


def takes_sockets(reactor: Any) -> bool:
    """Whether a reactor can be given sockets that were opened elsewhere; Twisted's can't on Windows."""
    return IReactorSocket(reactor, None) is not None


def adopted_endpoint(reactor: Any, listening: socket.socket) -> AdoptedStreamServerEndpoint:
    """An endpoint of Twisted's that listens with a socket, once. The socket is the endpoint's from then on."""
    family = listening.family
    return AdoptedStreamServerEndpoint(reactor, listening.detach(), family)
