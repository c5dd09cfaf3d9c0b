"""A reactor's TCP ports for a listener with one host, which may be a name with several addresses,
and one port.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory

from pipetwist.errors import StartError
from pipetwist.interfaces import AnyPort, AnyReactor
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.tcp_socket import takes_sockets
from pipetwist.values.bind_address import PortAddress

__all__ = ["MAX_ACCEPTED", "hold_back", "open_ports"]

MAX_ACCEPTED = 4
"""Clients that are accepted in one turn of the reactor.

Twisted's own number grows by 20 with each turn that leaves some waiting: a flood of clients would
delay the relay by a hundred accepts at a time, and by the handshakes that they begin.
"""


def open_ports(
    reactor: AnyReactor,
    label: str,
    listen: PortAddress,
    listeners: ListenerTable,
    warn: Callable[[str], object],
    factory: IProtocolFactory,
) -> list[AnyPort]:
    """Make a reactor listen on each address of a host, with the same port, which is not shared.

    Args:
        reactor: listens.
        label: its owner, for errors.
        listen: the host and the port.
        listeners: opens the sockets.
        warn: is called with a text about addresses that this machine does not have.
        factory: builds the protocols of clients.

    Returns:
        The reactor's ports, at least one.

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


def _adopt(reactor: AnyReactor, listening: socket.socket, factory: IProtocolFactory) -> AnyPort:
    listening.setblocking(False)
    port = hold_back(
        reactor.adoptStreamPort(listening.fileno(), listening.family, factory), lambda: MAX_ACCEPTED
    )
    stop: Callable[[], object] = port.stopListening

    def stop_both() -> object:
        stopping = stop()
        # The reactor has made a copy; clients would still wait at this one.
        listening.close()
        return stopping

    port.stopListening = stop_both
    return port


def hold_back(port: AnyPort, count: Callable[[], int]) -> AnyPort:
    """Limit how many clients a port of Twisted's accepts in each turn.

    Args:
        port: the port. One that accepts in another way, such as a plug-in's, is left as it is.
        count: returns how many, in each turn.

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
