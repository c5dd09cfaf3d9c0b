"""The outbound ``pt``: through a pluggable transport of Tor's, which is a program that is a SOCKS
proxy to its server's.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal, cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import deferLater
from zope.interface import implementer

from pipetwist.errors import ConnectError
from pipetwist.interfaces import IClientOutbound, IRunningOutbound, ISide
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.plugin_options import PluginOutboundOptions
from pipetwist.outbounds.plugin_outbound import PluginOutbound
from pipetwist.outbounds.proxy_handshake import shake_hands
from pipetwist.plugins.contract import ContractError
from pipetwist.plugins.figures import OUTBOUND_PLUGIN_FIGURES
from pipetwist.plugins.pt import PtClient
from pipetwist.plugins.pt_options import PtOptions
from pipetwist.plugins.supervision import State
from pipetwist.socks.socks5 import Socks5
from pipetwist.socks.target import Target
from pipetwist.socks.transport_arguments import arguments_as_credentials
from pipetwist.values import Environment, Host, ServerPort

__all__ = ["PtOutbound", "PtOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class PtOutboundOptions(PtOptions, PluginOutboundOptions):
    """An outbound through a pluggable transport of Tor's."""

    figures = OUTBOUND_PLUGIN_FIGURES

    type: Literal["pt"] = "pt"
    """Always ``pt``."""
    arguments: Environment = field(default_factory=dict)
    """What the server's transport needs of its clients, such as ``cert``; at most 510 bytes
    together.
    """
    server: Host
    """The name or address of the server's transport."""
    server_port: ServerPort
    """Its port."""

    def __post_init__(self) -> None:
        """Refuse arguments for which there is no room."""
        arguments_as_credentials(self.arguments)
        self.handshake()
        super().__post_init__()

    def handshake(self) -> Socks5:
        """A new handshake with the transport.

        Raises:
            ValueError: it can't be told this server, or these arguments.
        """
        target = Target(self.server, self.server_port)
        return Socks5(target, arguments_as_credentials(self.arguments), insists=True)


@implementer(IClientOutbound, IRunningOutbound)
class PtOutbound(PluginOutbound):
    """Has a pluggable transport connect for each connection. Those with the same process share it.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the program can't be started.
    """

    Options: ClassVar[type[OutboundOptions]] = PtOutboundOptions
    _options: PtOutboundOptions

    def __init__(self, options: PtOutboundOptions, context: OutboundContext) -> None:
        uid = context.plugins.uid_of(options)
        make = context.plugins.make
        plugin = context.plugins.shared(
            ("client", options.process_key),
            lambda: make(options, PtClient(options.command[0], options.state_path, uid)),
        )
        super().__init__(options, context, plugin)
        self._contract = cast("PtClient", plugin.contract)
        self._reactor = context.reactor

    def startService(self) -> None:
        """See `PluginOutbound`; a process that does not know its transport is started again."""
        self._contract.join(self, self._options.transport)
        if self._contract.lacks_any and self.plugin.state is not State.STOPPED:
            self.plugin.change()
        super().startService()

    def start_plugin(self) -> Deferred[None]:
        """See `PluginOutbound`; with the transports of those too that come in this turn."""
        return deferLater(self._reactor, 0).addCallback(lambda _: self._start())

    def _start(self) -> Deferred[None]:
        return self.plugin.start() if self.running else fail(ConnectError("it was stopped"))

    def retire(self) -> Deferred[None]:
        """See `PluginOutbound`; what could not start because of this one may without it."""
        self._contract.leave(self)
        retired = super().retire()
        if self._contract.is_outdated and not self.plugin.is_ready:
            self.plugin.change()
        return retired

    def open(
        self, make: Callable[[socket.SocketType], ISide | Deferred[ISide]]
    ) -> ISide | Deferred[ISide]:
        try:
            address = self._contract.address(self._options.transport)
        except ContractError as error:
            raise ConnectError(str(error)) from error
        shake_hands_first = partial(self._shake_hands, make)
        connecting: ISide | Deferred[ISide] = self.connect_plugin(address, shake_hands_first)
        return connecting

    def _shake_hands(
        self,
        make: Callable[[socket.SocketType], ISide | Deferred[ISide]],
        connected: socket.SocketType,
    ) -> Deferred[ISide]:
        handshake, name = self._options.handshake(), f"the plug-in {self._contract.name}"
        shaking = shake_hands(self._watcher, connected, handshake, name)
        return shaking.addCallback(make)
