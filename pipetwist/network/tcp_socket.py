"""Listening TCP sockets, and how Twisted listens with sockets of ours."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorSocket,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from pipetwist.interfaces import AnyReactor
from pipetwist.network.listening import choose_families
from pipetwist.network.listening_socket import BACKLOG, ListeningSocket

__all__ = ["SocketEndpoint", "open_tcp", "takes_sockets"]


def open_tcp(family: int, address: Any) -> ListeningSocket:
    """Listen at an address.

    Args:
        family: the address's family.
        address: the address and the port.

    Raises:
        OSError: the system does not let it.
    """
    listening = ListeningSocket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        choose_families(listening, address)
        listening.bind(address)
        # What is accepted has this as well: a relay passes on what it gets, and waits for no more
        # to fill a segment.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def takes_sockets(reactor: AnyReactor) -> bool:
    """Whether a reactor can be given sockets that were opened elsewhere; Twisted's can't on
    Windows.
    """
    return IReactorSocket(reactor, None) is not None


@implementer(IStreamServerEndpoint)
class SocketEndpoint:
    """An endpoint of Twisted's that listens with a TCP socket of ours, which is ours to close as
    well.

    Args:
        reactor: listens, with a copy.
        listening: the socket.
    """

    def __init__(self, reactor: AnyReactor, listening: socket.socket) -> None:
        self._reactor = reactor
        self._listening = listening

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        listening = self._listening
        listening.setblocking(False)
        return succeed(
            self._reactor.adoptStreamPort(listening.fileno(), listening.family, protocolFactory)
        )
