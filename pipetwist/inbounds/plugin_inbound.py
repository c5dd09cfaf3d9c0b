"""What inbounds behind a plug-in have in common: the plug-in runs while they listen, and nobody but
the plug-in may connect to them.
"""

from __future__ import annotations

import socket
from typing import Any, TypeAlias

from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks, succeed

from pipetwist.errors import ConnectError, StartError
from pipetwist.inbounds.acceptor import Acceptor
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.listening import ListeningService
from pipetwist.interfaces import InlineCallbacks
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.plugins.contract import Contract
from pipetwist.plugins.peer_check import PeerCheck
from pipetwist.plugins.sip003 import LOOPBACK
from pipetwist.values.bind_address import PortAddress

__all__ = ["PluginInbound"]

_Options: TypeAlias = Any
"""Options that are both `StreamInboundOptions` and `PluginProcessOptions`, for which Python has no
type.
"""


class PluginInbound(ListeningService):
    """An inbound behind a plug-in, which connects to a port of the loopback interface. Its
    subclasses say which program that is, and make the clients of its connections.

    Args:
        options: what the configuration says: a kind's own, with `PluginProcessOptions` in it.
        context: what it works with.
        contract: the plug-in's.

    Raises:
        StartError: the program can't be started.
    """

    where = ""
    """Where the plug-in listens, for people."""

    def __init__(self, options: _Options, context: InboundContext, contract: Contract) -> None:
        super().__init__(options, context)
        self._plugin_options = options
        self.plugin = context.plugins.make(options, contract)
        """The plug-in."""
        self._acceptor: Acceptor | None = None
        self._check = PeerCheck(
            context.reactor, context.plugins.threads, lambda: self.plugin.process, self._checked
        )
        self._kept: dict[socket.SocketType, int] = {}

    def listens(self, ours: tuple[str, int]) -> None:
        """Called when we listen, before the plug-in is started.

        Args:
            ours: the host and port that the plug-in has to connect to.
        """
        raise NotImplementedError

    def make_gate(self) -> Gate:
        """Make what admits the plug-in's connections."""
        raise NotImplementedError

    def enter(self, accepted: socket.SocketType) -> None:
        """Called with each connection of the plug-in's."""
        raise NotImplementedError

    def privilegedStartService(self) -> None:
        """Do not listen yet: the plug-in must not be root because the daemon still is."""

    @inlineCallbacks
    def listen(self) -> InlineCallbacks[None]:
        if self._acceptor is not None:
            return
        self._plugin_options.check_user()
        label = self.options.label
        (listening,) = self.context.listeners.open_ports(label, PortAddress(LOOPBACK, 0), self.warn)
        self._accept(listening)
        self.context.plugins.add(self.plugin)
        try:
            yield self.plugin.start()
        except ConnectError as error:
            yield self.stop_listening()
            message = f"{label}: {error}"
            raise StartError(message) from error
        self.log_listening(self.where)

    def stop_listening(self) -> Deferred[None]:
        """See `IInbound`; the plug-in has its port until it has ended, and what is open through it
        ends with it.
        """
        if not self._stop_accepting():
            return succeed(None)
        return self.context.plugins.end(self.plugin)

    def stopService(self) -> Deferred[None]:
        """Stop accepting. The plug-in goes on until the last connection through it has closed, or
        the daemon stops.
        """
        Service.stopService(self)  # and not the other base's, which would end the plug-in
        self._begun = False
        if self._stop_accepting():
            self.context.plugins.retire(self.plugin)
        return succeed(None)

    def _accept(self, listening: ListeningSocket) -> None:
        self.listens(listening.getsockname())
        self._gate = self.make_gate()
        self._acceptor = Acceptor(self.context, listening, self._gate, self._accepted)
        self._acceptor.start()

    def _stop_accepting(self) -> bool:
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is None:
            return False
        acceptor.stop()
        acceptor.listening.close()
        self._check.stop()
        return True

    def _accepted(self, accepted: socket.SocketType) -> None:
        self._kept[accepted] = self._gate.expect()
        self._check.check(accepted)

    def _checked(self, accepted: socket.SocketType, is_plugin: bool) -> None:
        self._gate.expected(self._kept.pop(accepted))
        if is_plugin and self._acceptor is not None:
            self.enter(accepted)
            return
        if self._acceptor is not None:
            self._gate.refuse("refused a connection that is not the plug-in's")
        accepted.close()
