"""The inbound ``vsock``."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.inbounds.acceptor import Acceptor
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.entry import SocketEntry
from pipetwist.inbounds.proxied import ProxiedListening
from pipetwist.interfaces import IInbound
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions
from pipetwist.kinds.proxy_options import ProxiedInboundOptions
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.kinds.vsock_options import VsockKindOptions
from pipetwist.network.vsock_socket import check_vsock
from pipetwist.values import Cid, VsockPort
from pipetwist.values.bind_address import ANY_CID, VsockAddress

__all__ = ["VsockInbound", "VsockInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class VsockInboundOptions(
    VsockKindOptions, ProxiedInboundOptions, StreamInboundOptions, AskingOptions
):
    """An inbound on a port of vsock, for virtual machines and their host."""

    address_key = "port"
    fixed = ("address", "framing", "proxy_protocol")

    type: Literal["vsock"] = "vsock"
    """Always ``vsock``."""
    cid: Cid | None = None
    """The cid to listen at, which must be one of this machine's: 1 for clients on this machine
    alone. All that it has where absent.
    """
    port: VsockPort
    """The port to listen on. Below 1024 the daemon must be root."""

    @property
    def address(self) -> VsockAddress:
        return VsockAddress(ANY_CID if self.cid is None else self.cid, self.port)

    def check_here(self) -> None:
        check_vsock(self.label, self.address.cid)


@implementer(IInbound)
class VsockInbound(ProxiedListening):
    """Listens on a port of vsock.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    Options: ClassVar[type[InboundOptions]] = VsockInboundOptions

    def __init__(self, options: VsockInboundOptions, context: InboundContext) -> None:
        super().__init__(options, context)
        self._address = options.address
        self.inherited = context.listeners.find_inherited(
            options.address, f"{self.options.label}: port"
        )
        self._acceptors: Sequence[Acceptor] = ()

    def listen(self) -> Deferred[None]:
        if self._acceptors:
            return succeed(None)
        return maybeDeferred(self._listen)

    def _listen(self) -> None:
        listeners, label = self.context.listeners, self.options.label
        sockets = (
            listeners.enter_copies(self.inherited, label)
            if self.inherited
            else [listeners.open_vsock(label, self._address)]
        )
        gate = self.make_gate(self._identify)
        accepted = self.behind_proxies(gate, SocketEntry(gate, self.context).accepted)
        self._acceptors = [Acceptor(self.context, one, gate, accepted) for one in sockets]
        for acceptor in self._acceptors:
            acceptor.start()
        self.log_listening(str(self._address))

    def stop_listening(self) -> Deferred[None]:
        acceptors, self._acceptors = self._acceptors, ()
        for acceptor in acceptors:
            acceptor.stop()
            acceptor.listening.close()
        self.stop_reading_headers()
        return succeed(None)

    def _identify(self, connected: socket.SocketType) -> ClientInfo:
        cid, port = connected.getpeername()
        return ClientInfo(
            self.tag, str(VsockAddress(cid, port)), f"vsock:{cid}", None, self.timeouts
        )
