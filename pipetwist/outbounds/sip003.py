"""The outbound ``sip003``: through a plug-in of shadowsocks, which is a program that carries each
connection to its far plug-in.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.interfaces import IRunningOutbound, ISide
from pipetwist.kernel.connector import Watcher, connect_socket
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.kinds.outbound_options import OutboundOptions, StreamOutboundOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.plugin_outbound import PluginOutbound
from pipetwist.plugins.figures import PLUGIN_FIGURES
from pipetwist.plugins.options import PluginClientOptions, end_together
from pipetwist.plugins.sides import plugin_side
from pipetwist.plugins.sip003 import Sip003Client, check_options
from pipetwist.plugins.supervision import State
from pipetwist.values import Host, Program, ServerPort, Words
from pipetwist.values.addresses import shown_address

__all__ = ["Sip003Outbound", "Sip003OutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class Sip003OutboundOptions(PluginClientOptions, StreamOutboundOptions):
    """An outbound through a plug-in of shadowsocks (SIP003)."""

    figures = PLUGIN_FIGURES

    type: Literal["sip003"] = "sip003"
    """Always ``sip003``."""
    plugin: Program
    """The plug-in's program. One with ``/`` is relative to the configuration's folder, others are
    sought in PATH.
    """
    plugin_opts: Words = ""
    """Its options, ``key=value;flag``, with a backslash before each ``;``, ``=`` and backslash of a
    value.
    """
    server: Host
    """The name or address of the server's plug-in."""
    server_port: ServerPort
    """Its port."""
    half_close: bool | None = None  # type: ignore[assignment]  # it becomes one of the two
    """As of other kinds, but ``false`` where absent, unless there is ``framing``: no plug-in is
    known that carries an end of input alone.
    """

    def __post_init__(self) -> None:
        """Refuse options that end within an escape."""
        check_options(self.plugin_opts)
        end_together(self)
        super().__post_init__()

    @property
    def program(self) -> Sequence[str]:
        return (self.plugin,)


@implementer(IRunningOutbound)
class Sip003Outbound(PluginOutbound):
    """Connects to a plug-in for each connection.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the program can't be started.
    """

    Options: ClassVar[type[OutboundOptions]] = Sip003OutboundOptions

    def __init__(self, options: Sip003OutboundOptions, context: OutboundContext) -> None:
        server = (options.server, options.server_port)
        self._contract = Sip003Client(options.plugin, options.plugin_opts, server)
        super().__init__(options, context, self._contract)
        self.half_close = options.half_close
        self.max_datagram_bytes = None if options.framing is None else MAX_FRAMED_BYTES
        self._watcher: Watcher = (
            ReactorWatcher(context.reactor) if context.kernel is None else context.kernel.poller
        )

    def connect(self) -> ISide | Deferred[ISide]:
        connecting = self._connect()
        return connecting if self.max_datagram_bytes is None else frame_connection(connecting)

    def _connect(self) -> ISide | Deferred[ISide]:
        if self.plugin.state is State.READY:
            return self._open()
        ready = self.plugin.wait(self.connect_timeout)
        return ready.addCallback(lambda _: maybeDeferred(self._open))

    def _open(self) -> ISide | Deferred[ISide]:
        return connect_socket(
            self._context.reactor,
            self._watcher,
            socket.AF_INET,
            self._contract.address,
            f"the plug-in {self._contract.name} at {shown_address(*self._contract.address)}",
            self._side,
        )

    def _side(self, connected: socket.SocketType) -> ISide:
        context = self._context
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plugin_side(
            context.reactor,
            context.kernel,
            context.peer_close_watch,
            connected,
            self.plugin.connections,
        )
