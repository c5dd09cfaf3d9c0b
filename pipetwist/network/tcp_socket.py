"""Listening TCP sockets, and a Twisted endpoint that listens with them."""

from __future__ import annotations

import os
import socket

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
from pipetwist.values.addresses import SocketAddress

__all__ = ["SocketEndpoint", "open_tcp", "takes_sockets"]


def open_tcp(family: int, address: SocketAddress) -> ListeningSocket:
    """Listen on an address.

    Args:
        family: the address's family.
        address: the address and the port.

    Raises:
        OSError: the system refuses it.
    """
    listening = ListeningSocket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        choose_families(listening, address)
        listening.bind(address)
        # Accepted sockets inherit this: a relay passes on what it gets, and does not wait to fill a
        # segment.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def takes_sockets(reactor: AnyReactor) -> bool:
    """Whether a reactor accepts sockets that were opened elsewhere; Twisted's do not on Windows."""
    return IReactorSocket(reactor, None) is not None


@implementer(IStreamServerEndpoint)
class SocketEndpoint:
    """A Twisted endpoint that listens with a TCP socket of ours, which we have to close.

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
