"""What outbounds through a plug-in have in common: the plug-in runs while their service does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.errors import StartError
from pipetwist.interfaces import ISide
from pipetwist.interfaces.structural import AnyConnecting
from pipetwist.kernel.connector import Watcher, connect_socket
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.handshake import socket_over_tls
from pipetwist.outbounds.proxied import ProxiedOutbound, headed_socket
from pipetwist.outbounds.tls_side import tls_side
from pipetwist.plugins.plugin import Plugin
from pipetwist.plugins.sides import PluginStreamSide, plugin_side, plugin_tls_side
from pipetwist.plugins.supervision import State
from pipetwist.values.addresses import shown_address

if TYPE_CHECKING:
    from pipetwist.tls.connections import TlsConnection

__all__ = ["PluginOutbound"]

_Options: TypeAlias = Any
"""Options that are both `PluginOutboundOptions` and those of a kind, for which Python has no type.
"""

_MakeSide: TypeAlias = Callable[[socket.SocketType], "ISide | Deferred[ISide]"]
"""Makes a side of a socket that leads to the far end, with what is said first."""


class PluginOutbound(ProxiedOutbound, Service):
    """An outbound through a plug-in. Its subclasses connect. TLS and headers of the PROXY protocol
    are inside of what the plug-in carries.

    Args:
        options: what the configuration says: a kind's own, with `PluginClientOptions` in it.
        context: what it works with.
        plugin: the plug-in.

    Raises:
        StartError: the CA's file can't be used.
    """

    def __init__(self, options: _Options, context: OutboundContext, plugin: Plugin) -> None:
        self.tag = options.tag
        self.connect_timeout: float = options.connect_timeout
        self.in_kernel = context.kernel is not None
        self._options = options
        self._context = context
        self.plugin = plugin
        """The plug-in."""
        self.half_close: bool = options.half_close
        self.max_datagram_bytes = None if options.framing is None else MAX_FRAMED_BYTES
        self._watcher: Watcher = (
            ReactorWatcher(context.reactor) if context.kernel is None else context.kernel.poller
        )
        self._far_end = shown_address(options.server, options.server_port)
        self._tls = options.read_tls(context.files)
        self.use_headers(options)

    @property
    def kill_grace(self) -> float:
        """See `IRunningOutbound`: from SIGTERM to SIGKILL."""
        return self.plugin.kill_grace

    def startService(self) -> None:
        """Start the plug-in, unless it waits for the first connection.

        Raises:
            StartError: it should run as another user, and the daemon is not root any more.
        """
        self._options.check_user()
        super().startService()
        self._context.plugins.add(self.plugin)
        if self._options.start == "eager":
            self.start_plugin().addErrback(self._not_started)

    def start_plugin(self) -> Deferred[None]:
        """See `Plugin.start`."""
        return self.plugin.start()

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        make: _MakeSide = self._make_side
        if header is not None:
            make = partial(headed_socket, header, self._far_end, make)
        connecting = self.once_ready(partial(self.open, make))
        return connecting if self.max_datagram_bytes is None else frame_connection(connecting)

    def once_ready(self, connect: Callable[[], ISide | Deferred[ISide]]) -> ISide | Deferred[ISide]:
        """Connect when the plug-in is ready, possibly at once.

        Args:
            connect: connects to the plug-in.

        Returns:
            What it returns, or a Deferred of that.
        """
        if self.plugin.state is State.READY:
            return connect()
        ready = self.plugin.wait(self.connect_timeout)
        return ready.addCallback(lambda _: maybeDeferred(connect))

    def shown_plugin(self, address: tuple[str, int]) -> str:
        """The plug-in at an address, for people."""
        return f"the plug-in {self.plugin.contract.name} at {shown_address(*address)}"

    def open(self, make: _MakeSide) -> ISide | Deferred[ISide]:
        """Connect to the plug-in, which is ready.

        Args:
            make: makes a side of the socket, once it leads to the far end.
        """
        raise NotImplementedError

    def connect_plugin(
        self, address: tuple[str, int], connected: Callable[[socket.SocketType], AnyConnecting]
    ) -> AnyConnecting:
        """Connect a socket to the plug-in.

        Args:
            address: where it listens: an IP address, and a port.
            connected: is called with the socket; makes a side of it, or a Deferred of one.

        Returns:
            That side, or a Deferred of it.
        """
        return connect_socket(
            self._context.reactor,
            self._watcher,
            socket.AF_INET6 if ":" in address[0] else socket.AF_INET,
            address,
            self.shown_plugin(address),
            connected,
            prepare=_without_delay,
        )

    def _make_side(self, connected: socket.SocketType) -> ISide | Deferred[ISide]:
        context, kernel, tls = self._context, self._context.kernel, self._tls
        connections = self.plugin.connections
        if tls is None:
            return plugin_side(
                context.reactor, kernel, context.peer_close_watch, connected, connections
            )
        if kernel is None:
            make = partial(PluginStreamSide, connections)
            return socket_over_tls(connected, tls, self._far_end, context, make)

        def make_side(
            kernel: KernelContext, one: socket.SocketType, spoken: TlsConnection
        ) -> ISide:
            return plugin_tls_side(kernel, one, spoken, connections)

        return tls_side(kernel, connected, tls, self._far_end, make_side)

    def _not_started(self, failure: Failure) -> None:
        # A daemon that stops ends its plug-ins before its outbounds.
        if self.running and self._context.plugins.running:
            self._context.start_failed(StartError(f"{self._options.label}: {failure.value}"))

    def dismiss(self) -> None:
        """See `IRunningOutbound`: nothing waits for a connection."""

    def retire(self) -> Deferred[None]:
        """See `IRunningOutbound`: the plug-in ends with the last connection through it."""
        return self._context.plugins.retire(self.plugin)


def _without_delay(opened: socket.SocketType) -> None:
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
