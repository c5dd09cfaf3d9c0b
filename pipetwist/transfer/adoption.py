"""Makes connected sockets sides on Twisted transports."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

from twisted.internet.interfaces import IAddress, IProtocol, IReactorTime
from twisted.internet.protocol import Factory

from pipetwist.interfaces import AnyReactor, ITracker
from pipetwist.stats.counting import CountingProtocol
from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from pipetwist.transfer.stream import StreamSide

__all__ = ["adopted_side", "counted_side"]


class _Adoption(Factory):
    """Gives one protocol to one adopted socket."""

    noisy = False

    def __init__(self, protocol: IProtocol) -> None:
        self._given = protocol

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return self._given


def counted_side(
    reactor: IReactorTime, peer_close_watch: PeerCloseWatch | None, tracker: ITracker | None
) -> tuple[StreamSide, IProtocol]:
    """A side for a Twisted transport.

    Returns:
        The side, and the protocol to connect to the transport, which is the side or what counts
        around it.
    """
    side = StreamSide(reactor, peer_close_watch)
    return side, side if tracker is None else CountingProtocol(None, side, tracker)


def adopted_side(
    reactor: AnyReactor,
    peer_close_watch: PeerCloseWatch | None,
    connected: socket.SocketType,
    tracker: ITracker | None = None,
) -> StreamSide:
    """A side for a connected socket, which becomes the reactor's.

    Args:
        reactor: adopts sockets.
        peer_close_watch: notices a peer that has gone.
        connected: the socket.
        tracker: counts it; None to leave it uncounted.

    Raises:
        OSError: there is no descriptor for it.
    """
    side, protocol = counted_side(reactor, peer_close_watch, tracker)
    with closing(connected):  # the reactor makes a copy
        reactor.adoptStreamConnection(connected.fileno(), connected.family, _Adoption(protocol))
    return side
