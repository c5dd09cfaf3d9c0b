"""The StatsService as a Twisted service. Needs grpcio and google-re2; `pipetwist.api.availability`
says so where they are missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from pipetwist.api.listener import Listener
from pipetwist.api.options import MAX_CONNECTIONS
from pipetwist.api.process import CollectorTime
from pipetwist.api.query import DEFAULT_BOUNDS, Bounds
from pipetwist.api.server import StatsServer
from pipetwist.api.servicer import StatsServicer
from pipetwist.descriptors import Share
from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyReactor
from pipetwist.network.listeners import ListenerTable
from pipetwist.tls.listener import ListenerTls
from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.listen import parse_listen, why_refused

if TYPE_CHECKING:
    from pipetwist.api.options import ApiOptions, ApiTlsOptions
    from pipetwist.interfaces import CounterStoreLike
    from pipetwist.stats.online import OnlineUsers

__all__ = ["StatsApi"]

_API = "experimental.v2ray_api"
_LABEL = f"{_API}.listen"


@dataclass(frozen=True)
class _Running:
    server: StatsServer
    collector_time: CollectorTime
    listener: Listener


class StatsApi(Service):
    """Serves counters and online users as V2Ray's and Xray's StatsService.

    gRPC's objects are made only when the service starts, since gRPC does not survive the fork of a
    process that becomes a daemon.

    Args:
        options: where to listen, and how. The keys about counting are not used.
        store: the counters.
        online: the users who are online.
        reactor: listens and forwards to gRPC, counts the time, and has the thread pool that waits
            for running calls when the service stops.
        grace: seconds that those may take before they are cancelled.
        bounds: how much one query may ask for.
        clock: seconds that only grow; for the time that the service has been up.
        log: where it logs.
        files: reads the files of TLS, and only if they have changed; if None, they are read in any
            case.
        listeners: opens its listening sockets; None for a table of its own.
        share: limits the descriptors of clients; None for no limit.
    """

    def __init__(
        self,
        options: ApiOptions,
        store: CounterStoreLike,
        online: OnlineUsers,
        reactor: AnyReactor,
        *,
        grace: float = 2.0,
        bounds: Bounds = DEFAULT_BOUNDS,
        clock: Callable[[], float] = time.monotonic,
        log: Logger | None = None,
        files: KnownFiles | None = None,
        listeners: ListenerTable | None = None,
        share: Share | None = None,
    ) -> None:
        self._options = options
        self._store = store
        self._online = online
        self._reactor = reactor
        self._grace = grace
        self._bounds = bounds
        self._clock = clock
        self._log = log or Logger()
        self._files = files
        self._listeners = ListenerTable() if listeners is None else listeners
        self._share = share
        self._tls: ListenerTls | None = None
        self._running: _Running | None = None
        self.address: PortAddress | UnixAddress | None = None
        """The address, with the real port instead of port 0; None while it does not listen."""

    def startService(self) -> None:
        """Listen and answer.

        Raises:
            StartError: it can't listen there.
        """
        listen = self._allowed_address()
        if self._tls is not None:
            self._tls.read_again()()
        elif self._options.spoken_tls is not None:
            seconds = self._reactor.seconds
            tls = self._options.spoken_tls
            self._tls = ListenerTls(_API, tls, [b"h2"], self._files, seconds=seconds)
        began = self._clock()
        collector_time = CollectorTime()
        servicer = StatsServicer(
            self._store, self._online, collector_time, lambda: self._clock() - began, self._bounds
        )
        # gRPC notices a little later what the frontend has closed.
        server = StatsServer.serving(servicer, 2 * MAX_CONNECTIONS)
        listener = Listener(
            listen,
            self._options.listen_mode,
            self._reactor,
            self._listeners,
            self._log,
            self._tls,
            self._share,
        )
        try:
            self.address = listener.listen(server.grpc.add_insecure_port)
        except BaseException:
            server.discard()
            listener.close()
            raise
        server.start()
        collector_time.start()
        self._running = _Running(server, collector_time, listener)
        super().startService()
        self._log.info("The StatsService listens on {address}", address=self.address)

    def come_back(self) -> None:
        """If a unix socket's file was removed, listen again, or log why that failed."""
        if self._running is None:
            return
        try:
            if self._running.listener.come_back():
                self._log.info(
                    "The StatsService listens on {address} again: its file had been removed",
                    address=self.address,
                )
        except StartError as error:
            self._log.warn(
                "{address}, where the StatsService listens, was removed, and can't be created "
                "again now: {reason}",
                address=self.address,
                reason=str(error),
            )

    def stopService(self) -> Deferred[None]:
        """Stop listening.

        Returns:
            A Deferred that fires when running calls have ended, after at most ``grace``.
        """
        super().stopService()
        running, self._running, self.address = self._running, None, None
        if running is None:
            return succeed(None)
        running.collector_time.stop()
        stopping = [running.listener.stop_listening()]
        # Meanwhile the reactor forwards between clients and gRPC.
        stopping.append(
            deferToThreadPool(
                self._reactor, self._reactor.getThreadPool(), running.server.stop, self._grace
            )
        )

        return (
            gatherResults(stopping)
            .addBoth(_after, running.listener.close)
            .addCallback(lambda _: None)
        )

    def read_certificates(self, tls: ApiTlsOptions | None) -> Callable[[], object]:
        """Read the files of TLS again. Does nothing if it does not run, or does not use TLS.

        Args:
            tls: the paths; None for the same as before.

        Returns:
            A function that has them used for new connections; open connections stay.

        Raises:
            StartError: they can't be used; nothing has changed.
        """
        return (
            (lambda: None)
            if self._running is None or self._tls is None
            else self._tls.read_again(tls)
        )

    def _allowed_address(self) -> PortAddress | UnixAddress:
        if self._options.listen is None:
            message = f"{_LABEL} is missing: say where to listen"
            raise StartError(message)
        try:
            listen = parse_listen(self._options.listen)
        except ValueError as error:
            message = f"{_LABEL}: {error}"
            raise StartError(message) from error
        refused = why_refused(
            listen, tls=self._options.spoken_tls is not None, insecure=self._options.insecure
        )
        if refused is not None:
            message = f"{_LABEL}: {refused}"
            raise StartError(message)
        return listen


def _after(result: object, call: Callable[[], object]) -> Deferred[object]:
    """Wait for a Deferred, and then return a result."""
    return maybeDeferred(call).addCallback(lambda _: result)
