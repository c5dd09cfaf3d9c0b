"""Sides of connections through a plug-in: sockets whose end is told together with the plug-in's."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pipetwist.interfaces import AnyReactor, IDescriptorSide, ISide, ISideReceiver, ITracker
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.plugins.connections import PluginConnections
from pipetwist.transfer.adoption import adopted_side
from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from pipetwist.transfer.stream import StreamSide

if TYPE_CHECKING:
    from pipetwist.tls.connections import TlsConnection

__all__ = ["PluginSocketSide", "PluginStreamSide", "plugin_side", "plugin_tls_side"]


@implementer(IDescriptorSide)
class PluginSocketSide(SocketSide):
    """A socket that is connected to a plug-in, moved by the kernel.

    Args:
        kernel: what it works with.
        connected: the socket.
        connections: the plug-in's.
        tracker: counts what is read from here and delivered here.
    """

    __slots__ = ("_connections",)

    def __init__(
        self,
        kernel: KernelContext,
        connected: socket.SocketType,
        connections: PluginConnections,
        tracker: ITracker | None = None,
    ) -> None:
        SocketSide.__init__(self, kernel, connected, tracker)
        self._connections = connections

    def attach(self, receiver: ISideReceiver) -> None:
        SocketSide.attach(self, self._connections.watch(self, receiver))


class PluginStreamSide(StreamSide):
    """A Twisted transport that is connected to a plug-in.

    Args:
        connections: the plug-in's.
        clock: see `StreamSide`.
        peer_close_watch: the same.
    """

    def __init__(
        self,
        connections: PluginConnections,
        clock: IReactorTime,
        peer_close_watch: PeerCloseWatch | None = None,
    ) -> None:
        super().__init__(clock, peer_close_watch)
        self._connections = connections

    def attach(self, receiver: ISideReceiver) -> None:
        super().attach(self._connections.watch(self, receiver))


def plugin_side(
    reactor: AnyReactor,
    kernel: KernelContext | None,
    peer_close_watch: PeerCloseWatch | None,
    connected: socket.SocketType,
    connections: PluginConnections,
    tracker: ITracker | None = None,
) -> ISide:
    """Make a side of a socket that is connected to a plug-in.

    Args:
        reactor: adopts the socket, if the kernel is not to move its bytes.
        kernel: moves its bytes; None for Twisted's transports.
        peer_close_watch: notices a peer that has gone.
        connected: the socket, which the side owns from then on.
        connections: the plug-in's.
        tracker: counts it; None to leave it uncounted.

    Raises:
        OSError: there is no free descriptor.
    """
    if kernel is not None:
        return PluginSocketSide(kernel, connected, connections, tracker)
    make = partial(PluginStreamSide, connections)
    return adopted_side(reactor, peer_close_watch, connected, tracker, make)


def plugin_tls_side(
    kernel: KernelContext,
    connected: socket.SocketType,
    tls: TlsConnection,
    connections: PluginConnections,
    tracker: ITracker | None = None,
    *,
    half_closes_by_fin: bool = False,
) -> ISide:
    """Make a side of a socket that is connected to a plug-in, with TLS inside, for the kernel.

    Args:
        kernel: what it works with.
        connected: the socket, which does not block.
        tls: OpenSSL's connection on it, its handshake complete.
        connections: the plug-in's.
        tracker: counts what is inside of TLS.
        half_closes_by_fin: see `pipetwist.kernel.tls_side.TlsSide`.
    """
    from pipetwist.plugins.tls_side import PluginTlsSide  # loads pyOpenSSL

    return PluginTlsSide(
        kernel,
        connected,
        tls,
        connections,
        tracker,
        half_closes_by_fin=half_closes_by_fin,
    )
