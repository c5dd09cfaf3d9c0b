"""Makes sides of connected sockets, with Twisted's transports."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from typing import TypeAlias

from twisted.internet.interfaces import IAddress, IProtocol, IReactorTime
from twisted.internet.protocol import Factory

from pipetwist.interfaces import AnyProtocol, AnyReactor, ITracker
from pipetwist.stats.counting import CountingProtocol
from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from pipetwist.transfer.socket_transport import SocketTransport
from pipetwist.transfer.stream import StreamSide

__all__ = ["MakeSide", "adopted_side", "counted_side"]

MakeSide: TypeAlias = Callable[[IReactorTime, PeerCloseWatch | None], StreamSide]
"""Makes a side on Twisted's transports."""

_ADOPTED = (socket.AF_INET, socket.AF_INET6, getattr(socket, "AF_UNIX", None))


class _Adoption(Factory):
    """The factory of the one protocol for an adopted socket."""

    noisy = False

    def __init__(self, protocol: IProtocol) -> None:
        self._given = protocol

    def buildProtocol(self, addr: IAddress | None) -> AnyProtocol:
        return self._given


def counted_side(
    reactor: IReactorTime,
    peer_close_watch: PeerCloseWatch | None,
    tracker: ITracker | None,
    make: MakeSide = StreamSide,
) -> tuple[StreamSide, IProtocol]:
    """Make a side for a Twisted transport.

    Args:
        reactor: counts the time.
        peer_close_watch: notices a peer that has gone.
        tracker: counts it; None to leave it uncounted.
        make: makes the side of the first two.

    Returns:
        The side, and the protocol to connect to the transport, which is the side or a wrapper that
        counts.
    """
    side = make(reactor, peer_close_watch)
    return side, side if tracker is None else CountingProtocol(None, side, tracker)


def adopted_side(
    reactor: AnyReactor,
    peer_close_watch: PeerCloseWatch | None,
    connected: socket.SocketType,
    tracker: ITracker | None = None,
    make: MakeSide = StreamSide,
) -> StreamSide:
    """Make a side for a connected socket, which the reactor owns from then on.

    Args:
        reactor: adopts sockets.
        peer_close_watch: notices a peer that has gone.
        connected: the socket.
        tracker: counts it; None to leave it uncounted.
        make: makes the side of the first two.

    Raises:
        OSError: there is no free descriptor.
    """
    side, protocol = counted_side(reactor, peer_close_watch, tracker, make)
    if connected.family not in _ADOPTED:
        SocketTransport(connected, protocol, reactor)
        return side
    with closing(connected):  # the reactor duplicates the descriptor
        reactor.adoptStreamConnection(connected.fileno(), connected.family, _Adoption(protocol))
    return side
