"""The outbound ``unix``."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.interfaces import IOutbound, ISide
from pipetwist.kernel.connector import connect_socket
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kinds.outbound_options import OutboundOptions, StreamOutboundOptions
from pipetwist.kinds.unix_options import UnixKindOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.transfer.adoption import adopted_side
from pipetwist.values import UnixPath, unix_sockaddr

__all__ = ["UnixOutbound", "UnixOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UnixOutboundOptions(UnixKindOptions, StreamOutboundOptions):
    """An outbound to a unix domain socket."""

    lends_rights = True  # SO_PEERCRED is of who has connected, which is the daemon, unix(7)

    type: Literal["unix"] = "unix"
    """Always ``unix``."""
    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""


@implementer(IOutbound)
class UnixOutbound:
    """Connects a unix domain socket for each connection.

    Args:
        options: what the configuration says.
        context: what it works with; its reactor adopts sockets.
    """

    Options: ClassVar[type[OutboundOptions]] = UnixOutboundOptions

    def __init__(self, options: UnixOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self.max_datagram_bytes = None if options.framing is None else MAX_FRAMED_BYTES
        self._path = options.path
        self._address = unix_sockaddr(options.path)
        self._context = context
        self.in_kernel = context.kernel is not None

    def connect(self) -> ISide | Deferred[ISide]:
        connecting = self._connect()
        return connecting if self.max_datagram_bytes is None else frame_connection(connecting)

    def _connect(self) -> ISide | Deferred[ISide]:
        poller = None if self._context.kernel is None else self._context.kernel.poller
        return connect_socket(
            self._context.reactor, poller, socket.AF_UNIX, self._address, self._path, self._side
        )

    def _side(self, connected: socket.SocketType) -> ISide:
        if self._context.kernel is not None:
            return SocketSide(self._context.kernel, connected)
        return adopted_side(self._context.reactor, self._context.peer_close_watch, connected)
