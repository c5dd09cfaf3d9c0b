"""All plug-ins of a daemon, as a service. They stop when their connections are over."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from twisted.application.service import Service
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    TimeoutError,  # noqa: A004 - Twisted's name
    succeed,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.accounts import Accounts
from pipetwist.errors import ConnectError
from pipetwist.interfaces import AnyDeferred, AnyReactor, SpawnerLike
from pipetwist.network.threads import UnawaitedThreads
from pipetwist.plugins.contract import Contract
from pipetwist.plugins.options import PluginProcessOptions
from pipetwist.plugins.plugin import Plugin
from pipetwist.plugins.status import PluginStatus, status_of
from pipetwist.process.spawners import spawner_for
from pipetwist.values.bind_address import BindAddress

__all__ = ["PluginPool"]

# After SIGKILL a process ends immediately; a stop waits no longer than this for it.
_STOP_SECONDS = 5.0

_T = TypeVar("_T")


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
        self._users: dict[Plugin, int] = {}
        self._unused: dict[Plugin, Sequence[BindAddress]] = {}  # until they end; where they listen
        self._awaited: set[Deferred[None]] = set()
        self._gives_up = False
        self._shared: WeakValueDictionary[
            Hashable, Any  # what `shared` makes with that key
        ] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<PluginPool {list(self._users)}>"

    @property
    def kill_grace(self) -> float:
        """The longest time in seconds from SIGTERM to SIGKILL."""
        return max((plugin.kill_grace for plugin in self._users), default=0.0)

    def statuses(self) -> list[PluginStatus]:
        """What each of those that are used is doing."""
        return [status_of(plugin, self._reactor) for plugin in self._users]

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

    def shared(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Make a plug-in, or what has one, or find it if another inbound or outbound has made it.

        Args:
            key: those with an equal one share it.
            make: makes it, if there is none yet.

        Raises:
            StartError: see `make`.
        """
        found: _T | None = self._shared.get(key)
        if found is None:
            found = self._shared[key] = make()
        return found

    def uid_of(self, options: PluginProcessOptions) -> int | None:
        """The number of the user that a plug-in runs as; None for the daemon's.

        Raises:
            StartError: there is no such user.
        """
        return options.uid(self._accounts)

    def add(self, plugin: Plugin) -> None:
        """Somebody uses this one. It stops with the daemon."""
        self._users[plugin] = self._users.get(plugin, 0) + 1
        self._unused.pop(plugin, None)

    def awaited(self, starting: Deferred[None]) -> Deferred[None]:
        """Wait for a start, but no longer than the daemon runs.

        Args:
            starting: the start, which is cancelled then.

        Returns:
            The same; it fails with ConnectError if the daemon stops.
        """
        self._awaited.add(starting)

        def over(outcome: Failure | None) -> Failure | None:
            self._awaited.discard(starting)
            if isinstance(outcome, Failure) and outcome.check(CancelledError):
                message = "the daemon is stopping"
                raise ConnectError(message)
            return outcome

        starting.addBoth(over)
        if self._gives_up:
            starting.cancel()
        return starting

    def give_up(self) -> None:
        """The daemon stops as soon as nobody waits for a start any more."""
        self._gives_up = True
        for starting in list(self._awaited):
            starting.cancel()

    def end(self, plugin: Plugin) -> Deferred[None]:
        """End a plug-in now, for all who use it.

        Returns:
            A Deferred that fires when nothing of it is left.
        """
        self._users[plugin] = 0

        def ended(_: object) -> None:
            if not self._users.get(plugin):  # and nobody has come meanwhile
                self._users.pop(plugin, None)
                self._unused.pop(plugin, None)

        return plugin.stop().addCallback(ended)

    def make_way(self, claims: Sequence[BindAddress]) -> Deferred[object]:
        """End those that nobody uses any more and that still listen where somebody will, with their
        connections.

        Args:
            claims: where.

        Returns:
            A Deferred that fires when nothing of them is left.
        """
        ending: AnyDeferred = DeferredList(
            [
                self.end(plugin)
                for plugin, held in list(self._unused.items())
                if any(one.may_overlap(other) for one in held for other in claims)
            ]
        )
        return ending

    def retire(self, plugin: Plugin, claims: Sequence[BindAddress] = ()) -> Deferred[None]:
        """Somebody does not use it any more. If nobody does, it is ended once the connections
        through it are over.

        Args:
            plugin: the plug-in.
            claims: where it listens for others than this daemon.

        Returns:
            A Deferred that fires when nothing of it is left, or at once if others use it.
        """
        self._users[plugin] = users = max(0, self._users.get(plugin, 1) - 1)
        if users:
            return succeed(None)
        self._unused[plugin] = claims
        retired: Deferred[None] = Deferred()

        def empty() -> None:
            if self._users.get(plugin):  # somebody else has come meanwhile
                retired.callback(None)
            else:
                self.end(plugin).chainDeferred(retired)

        plugin.connections.once_empty(empty)
        return retired

    def stopService(self) -> Deferred[object]:
        """End all of them, and wait until nothing of them is left."""
        super().stopService()
        self._gives_up = False
        ending: AnyDeferred = DeferredList([self.end(plugin) for plugin in list(self._users)])
        # The daemon must stop even if one survives SIGKILL.
        return ending.addTimeout(self.kill_grace * 2 + _STOP_SECONDS, self._reactor).addErrback(
            self._not_ended
        )

    def _not_ended(self, failure: Failure) -> None:
        failure.trap(TimeoutError)
        self._log.warn(
            "plug-ins that have not ended, and are left running: {plugins}",
            plugins=", ".join(plugin.label for plugin in self._users),
        )
