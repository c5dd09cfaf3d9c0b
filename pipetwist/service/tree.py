"""From a configuration to services: one tree, started and stopped as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import (
    Deferred,
    DeferredList,
    DeferredLock,
    inlineCallbacks,
    maybeDeferred,
)

from pipetwist.accounts import Accounts
from pipetwist.config.document import Document
from pipetwist.control.actions import Actions
from pipetwist.control.ids import start_of
from pipetwist.datagram.context import DatagramContext
from pipetwist.descriptors import DescriptorShares, descriptor_limit
from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.inbounds.context import InboundContext
from pipetwist.interfaces import AnyReactor, CounterStoreLike, IRunningOutbound, SpawnerLike
from pipetwist.kernel.context import kernel_context
from pipetwist.logs.levels import LeveledLogger
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.listening import ListenHosts
from pipetwist.network.lookups import GetAddressInfo, Lookups
from pipetwist.network.threads import start_thread
from pipetwist.outbounds.context import OutboundContext
from pipetwist.plugins.pool import PluginPool
from pipetwist.relay.relay import Relay
from pipetwist.relay.routing_table import Current
from pipetwist.service.building import make_inbound, make_outbounds, refuse_unused_sockets
from pipetwist.service.counting import is_storage, storage_of, tracked_by
from pipetwist.service.entities import Entities
from pipetwist.service.generation import Generation, users_of
from pipetwist.service.grpc_services import control_service, stats_api
from pipetwist.service.inbound_replacement import refuse_collisions
from pipetwist.service.limiting import Limiter, limits_of
from pipetwist.service.monitoring import web_service
from pipetwist.service.overview import Overview
from pipetwist.service.quotas import keep_quotas
from pipetwist.service.recording import records_of
from pipetwist.service.reload import Reloader
from pipetwist.service.sharing import divide_descriptors
from pipetwist.service.start_notes import tell_notes, tell_unseen
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from pipetwist.stats.tracking import Tracked
from pipetwist.steps import at_once
from pipetwist.transfer.ending_side import side_log
from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from pipetwist.users.lists import indexed

__all__ = ["PipetwistService"]

# For the rest of a stop, besides waiting for connections and commands, such as calls of the API.
_REST_SECONDS = 15.0


class PipetwistService(MultiService):
    """Everything that a configuration describes, as one service.

    It can be a child of a program's own MultiService. Nothing runs before it is started.

    Args:
        document: the configuration.
        reactor: the reactor.
        store: keeps the counters; if None, they are in the file that the configuration names, or in
            memory.
        spawner: starts the commands of ``fork`` outbounds; None for the best one for the system.
        inherited: descriptors of listening sockets, such as systemd's: an inbound with the same
            address uses them.
        failed: is called if the program must not go on after the start; None to log that.
        getaddrinfo: looks names up, in threads; None for ``socket.getaddrinfo``.

    Raises:
        StartError: something that the configuration names can't be used: a command, a certificate,
            an endpoint; or no inbound listens at the address of an inherited socket.
    """

    def __init__(
        self,
        document: Document,
        reactor: AnyReactor,
        *,
        store: CounterStoreLike | None = None,
        spawner: SpawnerLike | None = None,
        inherited: Iterable[int] = (),
        failed: Callable[[StartError], None] | None = None,
        getaddrinfo: GetAddressInfo | None = None,
    ) -> None:
        super().__init__()
        self._changing = DeferredLock()
        self.reactor = reactor
        self.log = log = LeveledLogger("pipetwist", document.log.level, [side_log])
        self.storage = storage_of(document, reactor, log) if store is None else None
        """The `pipetwist.storage.service.StorageService`; None if the counters are in no file."""
        self.store: CounterStoreLike = store or (
            self.storage.store if self.storage else MemoryCounterStore()
        )
        self.online = OnlineUsers(time.time)
        self._peer_close_watch = peer_close_watch = PeerCloseWatch(reactor)
        self._kernel = kernel = kernel_context(reactor, tls=document.transfer != "stream")
        datagram_context = DatagramContext(reactor, None if kernel is None else kernel.poller)
        self.files = files = KnownFiles(partial(tell_unseen, log))
        """Reads the certificates and keys that the configuration names."""
        self.lookups = lookups = Lookups(reactor, getaddrinfo)
        """Finds the addresses of servers' names."""
        self._accounts = accounts = Accounts(reactor, start_thread)
        hosts = ListenHosts(lookups, reactor)
        self.listeners = listeners = ListenerTable(inherited, hosts, accounts)
        """All listening sockets, those of the API and the metrics too."""
        common = (peer_close_watch, kernel, log)
        failed = failed or (lambda error: log.error("{error}", error=str(error)))
        self._pool = pool = PluginPool(reactor, log, spawner, accounts)
        pool.setServiceParent(self)
        parts = (*common, datagram_context, files, lookups, accounts, failed, failed, pool)
        outbound_context = OutboundContext(reactor, spawner, *parts)
        outbounds = make_outbounds(document, outbound_context)
        tracked = Tracked(self.store, **tracked_by(document))
        users = at_once(indexed(document.all_users, document.inbounds))
        generation = partial(Generation.of, document, tracked=tracked, users=users)
        self._current = current = Current(generation({}, outbounds))
        self.relay = Relay(reactor, current, online=self.online, log=log)
        self.records = records_of(document, self.relay.connection_table, reactor, log)
        """Writes connection records; None if the configuration names no file for them."""
        self.shares = shares = DescriptorShares(descriptor_limit(), log)
        """How the inbounds share the process's file descriptors."""
        divide_descriptors(shares, document, None if kernel is None else kernel.pool)
        find = users_of(current)
        context = InboundContext(
            *(reactor, self.relay, *common, failed, datagram_context, files),
            *(listeners, shares, find, pool),
        )
        inbounds = {options.tag: make_inbound(options, context) for options in document.inbounds}
        refuse_collisions(document, inbounds)
        current.swap(generation(inbounds, outbounds))
        refuse_unused_sockets(listeners.inherited, inbounds)
        self.api: Any = stats_api(document, context, self.store, self.online)  # Any: as below
        """The `pipetwist.api.service.StatsApi`; None if there is none."""
        connections = self.relay.connection_table
        actions = Actions(connections, start_of(time.time()), log)
        self.overview = overview = Overview(current, connections, actions.start / 1000)
        """What an operator asks first."""
        reads = (overview.status, Entities(current, connections).rows)
        self.control: Any = control_service(document, context, actions, *reads)  # Any: as below
        """The `pipetwist.control.service.ControlService`; None if there is none."""
        shown = (connections, self.store, actions, self.records, overview)
        self.web: Any  # whoever configures it need not check for None
        self.web = web_service(document, context, current, *shown)
        """The `pipetwist.web.service.WebService`; None if there is none."""
        overview.besides = (self.api, self.control, self.web)
        for first in filter(None, (self.storage, self.records)):
            first.setServiceParent(self)
        limits = limits_of(document)
        keep_quotas(self, document, limits, reactor, connections, log)
        limiter = Limiter(self.relay, shares, reactor)
        rest = (self.relay.connection_table, limiter.apply, self.api, self.control, self.web)
        self._reloader = Reloader(self, current, context, outbound_context, log, *rest)
        self._reloader.follow(limits)
        for part in (limiter, self.web, self.control, self.api):
            if part is not None:
                part.setServiceParent(self)

    @property
    def generation(self) -> Generation:
        """The current generation. It never changes: any thread may read it."""
        return self._current.now

    @property
    def document(self) -> Document:
        """The current configuration."""
        return self._current.now.document

    @property
    def inbounds(self) -> Mapping[str, Any]:  # Any: a kind has attributes of its own
        """The inbounds by their tags, each with its kind's own attributes besides `IInbound`."""
        return self._current.now.inbounds

    @property
    def outbounds(self) -> Mapping[str, Any]:  # Any: a kind has attributes of its own
        """The outbounds by their tags, each with its kind's own attributes besides `IOutbound`."""
        return self._current.now.outbounds

    @property
    def max_stop_seconds(self) -> float:
        """The seconds that a stop may take: for connections, then commands, and a little more."""
        return self.document.drain_timeout + self.max_grace_seconds + _REST_SECONDS

    @property
    def max_grace_seconds(self) -> float:
        """The longest time in seconds from SIGTERM to SIGKILL, also of a retired outbound."""
        graces = (part.kill_grace for part in self if IRunningOutbound.providedBy(part))
        return max((*graces, self._pool.kill_grace), default=0.0)

    def reload(self, document: Document) -> Deferred[None]:
        """Apply another configuration, all or nothing, without an interruption.

        Inbounds that listen at the same address continue, others stop and start. New connections
        use the new configuration, open ones the old. Counters are kept. Keys whose change needs a
        restart are logged.

        Args:
            document: the configuration.

        Returns:
            A Deferred that fires when new connections use it. It fails with `StartError` if
            something in it can't be used, or if the service does not run; then everything is as
            before.
        """
        return self.overview.follow(self._changing.run(self._reload, document))

    def _reload(self, document: Document) -> Deferred[None]:
        if not self.running:
            message = "pipetwist does not run, so there is nothing to reload"
            raise StartError(message)
        return self._reloader.reload(document)

    def privilegedStartService(self) -> None:
        """Bind what needs privileges.

        Raises:
            StartError: something can't be bound; then nothing is.
        """
        self._all_or_nothing(super().privilegedStartService)

    def startService(self) -> None:
        """Start everything: the file of counters first, the API last.

        Raises:
            StartError: something can't be started; then nothing is.
        """
        # The trackers from before a stop belong to a file that was closed since.
        generation = self._current.now
        tracked = generation.tracked.counting(**tracked_by(generation.document))
        self._current.swap(replace(generation, tracked=tracked))
        self._all_or_nothing(self._start_parts)
        tell_notes(self.document, self.files, self.log)

    def _start_parts(self) -> None:
        for options in self.document.outbounds:
            options.check_user()
        super().startService()

    @inlineCallbacks
    def stopService(self) -> Generator[Deferred[Any], Any, None]:  # Any: of many types
        """Stop in order.

        First all that listens, and commands that wait for a connection; then the connections,
        within ``drain_timeout``; then all other parts; last the file of counters.

        Returns:
            A Deferred that fires when everything has ended.
        """
        self.listeners.hosts.give_up()
        self._accounts.give_up()
        if self._changing.locked:
            self._pool.give_up()
        yield self._changing.acquire()
        self.running = 0
        listening = (self.api, self.control, self.web, *self.inbounds.values())
        first = [part for part in self if part in listening]
        yield self._stop(first)
        for part in self:
            if IRunningOutbound.providedBy(part):
                # now, so that the commands end while the connections finish
                part.dismiss()
        yield self.relay.drain(self.document.drain_timeout)
        yield self._stop([part for part in self if part not in first and not is_storage(part)])
        yield self._stop(filter(is_storage, self))
        self._peer_close_watch.close()
        if self._kernel is not None:
            self._kernel.close()
        self._changing.release()

    def _all_or_nothing(self, start: Callable[[], None]) -> None:
        try:
            start()
        except Exception:
            self.running = 0
            self._stop(self)
            raise

    def _stop(self, parts: Iterable[Any]) -> Deferred[Any]:  # Any: services
        # twistd binds before it starts services, so a service that does not run may listen.
        bound = (self.web, *self.inbounds.values())
        stopping = [
            maybeDeferred(part.stopService) for part in parts if part.running or part in bound
        ]
        for one in stopping:
            one.addErrback(lambda failure: self.log.failure("A service failed to stop", failure))
        return DeferredList(stopping)
