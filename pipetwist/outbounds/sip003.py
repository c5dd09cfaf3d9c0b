"""The outbound ``sip003``: through a plug-in of shadowsocks, which is a program that carries each
connection to its far plug-in.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipetwist.interfaces import IClientOutbound, IRunningOutbound, ISide
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.plugin_options import PluginOutboundOptions
from pipetwist.outbounds.plugin_outbound import PluginOutbound
from pipetwist.plugins.figures import OUTBOUND_PLUGIN_FIGURES
from pipetwist.plugins.options import end_together
from pipetwist.plugins.sip003 import Sip003Client, check_options
from pipetwist.values import Host, Program, ServerPort, Words

__all__ = ["Sip003Outbound", "Sip003OutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class Sip003OutboundOptions(PluginOutboundOptions):
    """An outbound through a plug-in of shadowsocks (SIP003)."""

    figures = OUTBOUND_PLUGIN_FIGURES

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


@implementer(IClientOutbound, IRunningOutbound)
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
        super().__init__(options, context, context.plugins.make(options, self._contract))

    def open(
        self, make: Callable[[socket.SocketType], ISide | Deferred[ISide]]
    ) -> ISide | Deferred[ISide]:
        connecting: ISide | Deferred[ISide] = self.connect_plugin(self._contract.address, make)
        return connecting
