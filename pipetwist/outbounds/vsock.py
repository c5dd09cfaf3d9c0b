"""The outbound ``vsock``."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.interfaces import IClientOutbound, ISide
from pipetwist.kernel.connector import Watcher, connect_socket
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kinds.outbound_options import OutboundOptions, RetriedOutboundOptions
from pipetwist.kinds.proxy_options import ProxiedOutboundOptions
from pipetwist.kinds.vsock_options import VsockKindOptions
from pipetwist.network.vsock_socket import AF_VSOCK, bound_connect_time, check_vsock
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.proxied import ProxiedOutbound, headed_socket
from pipetwist.transfer.adoption import adopted_side
from pipetwist.values import Cid, VsockPort
from pipetwist.values.bind_address import VsockAddress

__all__ = ["VsockOutbound", "VsockOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class VsockOutboundOptions(VsockKindOptions, ProxiedOutboundOptions, RetriedOutboundOptions):
    """An outbound to a port of vsock, of a virtual machine or its host."""

    type: Literal["vsock"] = "vsock"
    """Always ``vsock``."""
    cid: Cid
    """The machine's cid: 2 is the host of a virtual machine, 1 this machine."""
    port: VsockPort
    """The server's port."""

    @property
    def address(self) -> VsockAddress:
        return VsockAddress(self.cid, self.port)

    def check_here(self) -> None:
        check_vsock(self.label)


@implementer(IClientOutbound)
class VsockOutbound(ProxiedOutbound):
    """Connects a port of vsock for each connection.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    Options: ClassVar[type[OutboundOptions]] = VsockOutboundOptions

    def __init__(self, options: VsockOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self.half_close = options.half_close
        self.connect_retry = options.connect_retry
        self.max_datagram_bytes = None if options.framing is None else MAX_FRAMED_BYTES
        self.in_kernel = context.kernel is not None
        self._address = options.address
        self._context = context
        self._watcher: Watcher = (
            ReactorWatcher(context.reactor) if context.kernel is None else context.kernel.poller
        )
        self.use_headers(options)

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        side: Callable[[socket.SocketType], ISide] = self._side
        if header is not None:
            side = partial(headed_socket, header, str(self._address), side)
        connecting = connect_socket(
            self._context.reactor,
            self._watcher,
            AF_VSOCK,
            self._address.sockaddr,
            str(self._address),
            side,
            prepare=partial(bound_connect_time, seconds=self.connect_timeout),
        )
        return connecting if self.max_datagram_bytes is None else frame_connection(connecting)

    def _side(self, connected: socket.SocketType) -> ISide:
        if self._context.kernel is not None:
            return SocketSide(self._context.kernel, connected)
        return adopted_side(self._context.reactor, self._context.peer_close_watch, connected)
