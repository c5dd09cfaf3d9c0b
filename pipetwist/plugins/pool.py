"""All plug-ins of a daemon, as a service. They stop when their connections are over."""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, TimeoutError  # noqa: A004 - Twisted's name
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.accounts import Accounts
from pipetwist.interfaces import AnyDeferred, AnyReactor, SpawnerLike
from pipetwist.network.threads import UnawaitedThreads
from pipetwist.plugins.contract import Contract
from pipetwist.plugins.options import PluginProcessOptions
from pipetwist.plugins.plugin import Plugin
from pipetwist.process.spawners import spawner_for

__all__ = ["PluginPool"]

# After SIGKILL a process ends immediately; a stop waits no longer than this for it.
_STOP_SECONDS = 5.0


class PluginPool(Service):
    """The plug-ins that run.

    Args:
        reactor: counts the time.
        log: gets the lines of plug-ins, and what becomes of them.
        spawner: starts them; None for the best that the reactor and the system have.
        accounts: finds the users that they run as; None to ask the system.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        log: Logger,
        spawner: SpawnerLike | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self.threads = UnawaitedThreads(name="pipetwist plug-in")
        """Where the kernel is asked about their sockets."""
        self._reactor = reactor
        self._log = log
        self._spawner = spawner
        self._accounts = accounts
        self._plugins: dict[Plugin, None] = {}

    def __repr__(self) -> str:
        return f"<PluginPool {list(self._plugins)}>"

    @property
    def kill_grace(self) -> float:
        """The longest time in seconds from SIGTERM to SIGKILL."""
        return max((plugin.kill_grace for plugin in self._plugins), default=0.0)

    def make(self, options: PluginProcessOptions, contract: Contract) -> Plugin:
        """Make a plug-in. It does not run yet.

        Args:
            options: what the configuration says of its process.
            contract: how it is told what to do.

        Raises:
            StartError: the program can't be started.
        """
        return Plugin(
            self._reactor,
            self._spawner or spawner_for(self._reactor),
            self._log,
            options.label,
            options.prepared(self._accounts),
            options.uid(self._accounts),
            contract,
            options.kill_grace,
            self.threads,
        )

    def add(self, plugin: Plugin) -> None:
        """Stop this one with the daemon."""
        self._plugins[plugin] = None

    def end(self, plugin: Plugin) -> Deferred[None]:
        """End a plug-in now.

        Returns:
            A Deferred that fires when nothing of it is left.
        """

        def ended(_: object) -> None:
            self._plugins.pop(plugin, None)

        return plugin.stop().addCallback(ended)

    def retire(self, plugin: Plugin) -> Deferred[None]:
        """End a plug-in once the connections through it are over. There must be no new ones.

        Returns:
            A Deferred that fires when nothing of it is left.
        """
        retired: Deferred[None] = Deferred()
        plugin.connections.once_empty(lambda: self.end(plugin).chainDeferred(retired))
        return retired

    def stopService(self) -> Deferred[object]:
        """End all of them, and wait until nothing of them is left."""
        super().stopService()
        ending: AnyDeferred = DeferredList([self.end(plugin) for plugin in list(self._plugins)])
        # The daemon must stop even if one survives SIGKILL.
        return ending.addTimeout(self.kill_grace * 2 + _STOP_SECONDS, self._reactor).addErrback(
            self._not_ended
        )

    def _not_ended(self, failure: Failure) -> None:
        failure.trap(TimeoutError)
        self._log.warn(
            "plug-ins that have not ended, and are left running: {plugins}",
            plugins=", ".join(plugin.label for plugin in self._plugins),
        )
