"""Sides of connections through a plug-in with TLS inside, moved by the kernel."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from zope.interface import implementer

from pipetwist.interfaces import IDescriptorSide, ILimitedSide, ISideReceiver, ITracker
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.tls_side import TlsSide
from pipetwist.plugins.connections import PluginConnections

if TYPE_CHECKING:
    from pipetwist.tls.connections import TlsConnection

__all__ = ["PluginTlsSide"]


@implementer(IDescriptorSide, ILimitedSide)
class PluginTlsSide(TlsSide):
    """A socket that is connected to a plug-in, its TLS handshake complete.

    Args:
        kernel: what it works with.
        connected: the socket, which does not block.
        tls: OpenSSL's connection on it.
        connections: the plug-in's.
        tracker: counts what is inside of TLS.
        half_closes_by_fin: see `TlsSide`.
    """

    __slots__ = ("_connections",)

    def __init__(
        self,
        kernel: KernelContext,
        connected: socket.SocketType,
        tls: TlsConnection,
        connections: PluginConnections,
        tracker: ITracker | None = None,
        *,
        half_closes_by_fin: bool = False,
    ) -> None:
        TlsSide.__init__(
            self, kernel, connected, tls, tracker, half_closes_by_fin=half_closes_by_fin
        )
        self._connections = connections

    def attach(self, receiver: ISideReceiver) -> None:
        TlsSide.attach(self, self._connections.watch(self, receiver))
