"""A reactor's TCP ports for a listener that has one host, be it a name with several addresses, and
one port.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory

from pipetwist.errors import StartError
from pipetwist.interfaces import AnyReactor
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.tcp_socket import takes_sockets
from pipetwist.values.bind_address import PortAddress

__all__ = ["MAX_ACCEPTED", "hold_back", "open_ports"]

MAX_ACCEPTED = 4
"""Clients that are let in in one turn of the reactor.

Twisted's own number grows by 20 with each turn that leaves some waiting: who connects again and
again would have the relay wait for a hundred at a time, and for the handshakes that they begin.
"""


def open_ports(
    reactor: AnyReactor,
    label: str,
    listen: PortAddress,
    listeners: ListenerTable,
    warn: Callable[[str], object],
    factory: IProtocolFactory,
) -> list[Any]:
    """Have a reactor listen at each address of a host; the same port at all, which is shared with
    nobody.

    Args:
        reactor: listens.
        label: whose it is, for errors.
        listen: the host and the port.
        listeners: opens the sockets.
        warn: is told of addresses that are not here.
        factory: builds the protocols of who connects.

    Returns:
        The ports that the reactor has made, one at least.

    Raises:
        StartError: it can't listen there.
    """
    if takes_sockets(reactor):
        return [_adopt(reactor, one, factory) for one in listeners.open_ports(label, listen, warn)]
    try:
        return [
            hold_back(
                reactor.listenTCP(listen.port, factory, interface=listen.host), lambda: MAX_ACCEPTED
            )
        ]
    except CannotListenError as error:
        reason = getattr(error.socketError, "strerror", None) or error.socketError
        message = f"{label}: can't listen on {listen}: {reason}"
        raise StartError(message) from error


def _adopt(reactor: AnyReactor, listening: socket.socket, factory: IProtocolFactory) -> Any:
    listening.setblocking(False)
    port = hold_back(
        reactor.adoptStreamPort(listening.fileno(), listening.family, factory), lambda: MAX_ACCEPTED
    )
    stop: Callable[[], object] = port.stopListening

    def stop_both() -> object:
        stopping = stop()
        # The reactor has made a copy: who connects would go on waiting at this one.
        listening.close()
        return stopping

    port.stopListening = stop_both
    return port


def hold_back(port: Any, count: Callable[[], int]) -> Any:
    """Have a port of Twisted's accept as many in each turn as is said.

    Args:
        port: the port. One that accepts in another way, as of somebody's plug-in, is left as it is.
        count: says how many, in each turn.

    Returns:
        The port.
    """
    read: Callable[[], object] | None = getattr(port, "doRead", None)
    if read is not None:

        def read_some() -> object:
            some = count()
            if not some:
                return None
            port.numberAccepts = some
            return read()

        port.doRead = read_some
    return port
