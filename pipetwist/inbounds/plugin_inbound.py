"""What inbounds behind a plug-in have in common: the plug-in runs while they listen, and nobody but
the plug-in may connect to them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks, succeed

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import ConnectError, StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.kernel_tls_entry import KernelTlsEntry, TlsClient
from pipetwist.inbounds.proxied import header_of, named_client_info
from pipetwist.inbounds.tls_entry import TlsEntry
from pipetwist.inbounds.tls_listening import TlsListeningService
from pipetwist.interfaces import InlineCallbacks, IOutbound, ISide, ITracker
from pipetwist.kernel.context import KernelContext
from pipetwist.plugins.plugin import Plugin
from pipetwist.plugins.sides import PluginStreamSide, plugin_side, plugin_tls_side

__all__ = ["PluginInbound"]

_Options: TypeAlias = Any
"""Options that are both `TlsInboundOptions` and `PluginProcessOptions`, for which Python has no
type.
"""


class PluginInbound(TlsListeningService):
    """An inbound behind a plug-in, which connects to a port of the loopback interface. Its
    subclasses say which program that is. TLS and headers of the PROXY protocol are inside of what
    the plug-in carries: they come from the far end, past it.

    Args:
        options: what the configuration says: a kind's own, with `PluginProcessOptions` in it.
        context: what it works with.
        plugin: the plug-in.

    Raises:
        StartError: a certificate or key can't be used.
    """

    where = ""
    """Where the plug-in listens, for people."""
    gate: Gate
    """What admits its clients, once it listens."""

    def __init__(self, options: _Options, context: InboundContext, plugin: Plugin) -> None:
        super().__init__(options, context)
        self._plugin_options = options
        self.plugin = plugin
        """The plug-in."""
        self._entry: KernelTlsEntry | TlsEntry | None = None
        self._accepts = False

    def open(self) -> None:
        """Have a port that the plug-in can connect to; its connections are to be passed to `enter`.

        Raises:
            StartError: there is none.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Have it no more."""
        raise NotImplementedError

    def start_plugin(self) -> Deferred[None]:
        """See `Plugin.start`."""
        return self.plugin.start()

    def end_plugin(self) -> Deferred[None]:
        """End the plug-in at once, or what it has of this inbound's.

        Returns:
            A Deferred that fires when its port is free.
        """
        return self.context.plugins.end(self.plugin)

    def started(self) -> None:
        """Called when the plug-in is ready for the first time."""

    def privilegedStartService(self) -> None:
        """Do not listen yet: the plug-in must not be root because the daemon still is."""

    @inlineCallbacks
    def listen(self) -> InlineCallbacks[None]:
        if self._accepts:
            return
        self._plugin_options.check_user()
        label = self.options.label
        yield self.context.plugins.make_way(self.options.addresses)
        self._enter = self._make_entry()
        self.open()
        self._accepts = True
        self.context.plugins.add(self.plugin)
        try:
            yield self.context.plugins.awaited(self.start_plugin())
        except ConnectError as error:
            if not self._accepts:  # it was stopped meanwhile, which is no failure of its start
                return
            yield self.stop_listening()
            message = f"{label}: {error}"
            raise StartError(message) from error
        self.log_listening(self.where)
        self.started()

    def stop_listening(self) -> Deferred[None]:
        """See `IInbound`; the plug-in has its port until it has ended, and what is open through it
        ends with it.
        """
        return self.end_plugin() if self._stop_accepting() else succeed(None)

    def stopService(self) -> Deferred[None]:
        """Stop accepting. The plug-in goes on until the last connection through it has closed, or
        the daemon stops.
        """
        Service.stopService(self)  # and not the other base's, which would end the plug-in
        self._begun = self.is_listening = False
        if self._stop_accepting():
            self.context.plugins.retire(self.plugin, self.options.addresses)
        return succeed(None)

    def _stop_accepting(self) -> bool:
        if not self._accepts:
            return False
        self._accepts = False
        self.close()
        self.stop_reading_headers()
        if self._entry is not None:
            self._entry.stop()
            self._entry = None
        return True

    # A connection of the plug-in's: first its header, then TLS, then the gate.

    def enter(self, accepted: socket.SocketType) -> None:
        """Take a client's connection.

        Args:
            accepted: its socket, a `ProxiedSocket` where the plug-in says who the client is.
        """
        self._enter(accepted)

    def _make_entry(self) -> Callable[[socket.SocketType], None]:
        tls, context = self._tls, self.context
        gate = self.gate = self.make_gate(self._identify)
        gate.between = lambda: self.peer
        if tls is None:
            return self.behind_proxies(gate, self._let_in)
        if context.kernel is not None and context.kernel.tls:
            entry = KernelTlsEntry(gate, context, context.kernel, tls, self._make_tls_side)
            self._entry = entry
            return self.behind_proxies(gate, entry.accepted)
        make = partial(PluginStreamSide, self.plugin.connections)
        self._entry = TlsEntry(gate, context, tls, make)
        return self.behind_proxies(gate, self._entry.accepted)

    @property
    def peer(self) -> str:
        """Who a client is of whom the plug-in says nothing, for people."""
        return f"{self.plugin.contract.name}[{self.plugin.pid}]"

    def _identify(self, client: Any) -> ClientInfo:  # as `Identify` has it
        header, plain = header_of(client)
        client_info = (
            ClientInfo(self.tag, self.peer, "unknown", None, self.timeouts)
            if header is None
            else named_client_info(self.tag, header, self.timeouts)
        )
        if self._tls is None:
            return client_info
        tls = plain.tls if isinstance(plain, TlsClient) else plain.getHandle()
        self._tls.completed(tls)
        return self.with_certificate(client_info, tls)

    def _let_in(self, accepted: socket.SocketType) -> None:
        if not self.gate.let_in(accepted, self._make_side):
            accepted.close()

    def _make_side(
        self, accepted: socket.SocketType, outbound: IOutbound, tracker: ITracker | None
    ) -> ISide:
        context = self.context
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plugin_side(
            context.reactor,
            context.kernel if outbound.in_kernel else None,
            context.peer_close_watch,
            accepted,
            self.plugin.connections,
            tracker,
        )

    def _make_tls_side(
        self, kernel: KernelContext, client: TlsClient, tracker: ITracker | None
    ) -> ISide:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plugin_tls_side(
            kernel,
            client.socket,
            client.tls,
            self.plugin.connections,
            tracker,
            # What carries no end of input alone has no FIN that means one.
            half_closes_by_fin=not self.timeouts.closes_whole,
        )
