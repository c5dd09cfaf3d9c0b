"""What outbounds through a plug-in have in common: the plug-in runs while their service does."""

from __future__ import annotations

from typing import Any, TypeAlias

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipetwist.errors import StartError
from pipetwist.outbounds.context import OutboundContext
from pipetwist.plugins.contract import Contract

__all__ = ["PluginOutbound"]

_Options: TypeAlias = Any
"""Options that are both `StreamOutboundOptions` and `PluginClientOptions`, for which Python has no
type.
"""


class PluginOutbound(Service):
    """An outbound through a plug-in. Its subclasses connect.

    Args:
        options: what the configuration says: a kind's own, with `PluginClientOptions` in it.
        context: what it works with.
        contract: the plug-in's.

    Raises:
        StartError: the program can't be started.
    """

    def __init__(self, options: _Options, context: OutboundContext, contract: Contract) -> None:
        self.tag = options.tag
        self.connect_timeout: float = options.connect_timeout
        self.in_kernel = context.kernel is not None
        self._options = options
        self._context = context
        self.plugin = context.plugins.make(options, contract)
        """The plug-in."""

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
            self.plugin.start().addErrback(self._not_started)

    def _not_started(self, failure: Failure) -> None:
        if self.running:
            self._context.start_failed(StartError(f"{self._options.label}: {failure.value}"))

    def dismiss(self) -> None:
        """See `IRunningOutbound`: nothing waits for a connection."""

    def retire(self) -> Deferred[None]:
        """See `IRunningOutbound`: the plug-in ends with the last connection through it."""
        return self._context.plugins.retire(self.plugin)
