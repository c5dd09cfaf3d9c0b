"""The StatsService as a Twisted service. Needs grpcio and google-re2; `pipetwist.api.availability` says so where they are missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from pipetwist.api.crowding import CrowdWatch, endpoint_of
from pipetwist.api.process import CollectorTime
from pipetwist.api.query import USUAL_BOUNDS, Bounds
from pipetwist.api.server import StatsServer
from pipetwist.api.servicer import StatsServicer
from pipetwist.api.tcp_listener import listen_tcp
from pipetwist.api.tls import ServerCertificates
from pipetwist.api.unix_listener import UnixListener
from pipetwist.errors import StartError
from pipetwist.network.listening import ListenHosts
from pipetwist.values.listen import TcpListen, UnixListen, parse_listen, why_refused

if TYPE_CHECKING:
    import grpc
    from twisted.internet.interfaces import IReactorThreads

    from pipetwist.api.options import ApiOptions, ApiTlsOptions
    from pipetwist.interfaces import ICounterStore
    from pipetwist.stats.online import OnlineUsers

__all__ = ["StatsApi"]

_PLACE = "experimental.v2ray_api.listen"


@dataclass(frozen=True)
class _Running:
    server: StatsServer
    collector_time: CollectorTime
    file: UnixListener | None
    certificates: ServerCertificates | None

    def stop(self, grace: float) -> None:
        """See `StatsServer.stop`."""
        try:
            self.server.stop(grace)
        finally:
            if self.file is not None:
                self.file.close()


class StatsApi(Service):
    """Serves counters and online users as V2Ray's and Xray's StatsService.

    Nothing of gRPC is made before the service starts, since gRPC does not outlive the fork of a process that becomes a daemon.

    Args:
        options: where to listen, and how. What they say about counting is not looked at.
        store: the counters.
        online: the users who are connected.
        reactor: whose thread pool waits for the calls that run when the service stops. Where it also counts the time, it is
            looked now and then whether there are too many connections.
        grace: seconds that those may take before they are cancelled.
        bounds: how much one query may ask for.
        clock: seconds that only grow; for the time that the service has been up.
        log: takes what it has to say.
        hosts: knows the addresses of the host to listen at; where it is None it is looked up.
    """

    def __init__(
        self,
        options: ApiOptions,
        store: ICounterStore,
        online: OnlineUsers,
        reactor: IReactorThreads,
        *,
        grace: float = 2.0,
        bounds: Bounds = USUAL_BOUNDS,
        clock: Callable[[], float] = time.monotonic,
        log: Logger | None = None,
        hosts: ListenHosts | None = None,
    ) -> None:
        self._options = options
        self._store = store
        self._online = online
        self._reactor = reactor
        self._grace = grace
        self._bounds = bounds
        self._clock = clock
        self._log = log or Logger()
        self._hosts = hosts or ListenHosts()
        self._running: _Running | None = None
        self._crowd_watch: CrowdWatch | None = None
        self.address: TcpListen | UnixListen | None = None
        """Where it listens, the port that was chosen for port 0 included; None while it does not."""

    def startService(self) -> None:
        """Listen and answer.

        Raises:
            StartError: it can't listen there.
        """
        listen = self._allowed_address()
        certificates = None if self._options.tls is None else ServerCertificates(self._options.tls)
        began = self._clock()
        collector_time = CollectorTime()
        servicer = StatsServicer(self._store, self._online, collector_time, lambda: self._clock() - began, self._bounds)
        server = StatsServer.serving(servicer)
        file = UnixListener(listen.path) if isinstance(listen, UnixListen) else None
        try:
            self.address = self._listen(listen, file, server.grpc, certificates)
        except BaseException:
            server.discard()
            if file is not None:
                file.close()
            raise
        server.start()
        collector_time.start()
        self._running = _Running(server, collector_time, file, certificates)
        super().startService()
        self._log.info("The StatsService listens on {address}", address=self.address)
        if IReactorTime.providedBy(self._reactor):
            self._crowd_watch = CrowdWatch(endpoint_of(self.address, self._reactor), self._reactor, self._log)

    @property
    def is_gone(self) -> bool:
        """Whether it can't be reached any more since its socket's file was removed."""
        return self._running is not None and self._running.file is not None and self._running.file.is_gone

    def stopService(self) -> Deferred[None]:
        """Stop listening.

        Returns:
            A Deferred that fires when the calls that ran have ended, which takes ``grace`` at most.
        """
        super().stopService()
        running, self._running, self.address = self._running, None, None
        if self._crowd_watch is not None:
            self._crowd_watch.stop()
            self._crowd_watch = None
        if running is None:
            return succeed(None)
        running.collector_time.stop()
        if running.file is not None:
            try:
                running.file.remove()
            except OSError as error:
                self._log.warn("{address} stays behind: {reason}", address=self._options.listen, reason=error.strerror)
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), running.stop, self._grace)

    def read_certificates(self, tls: ApiTlsOptions | None) -> Callable[[], None]:
        """Read certificate and key again, and the CA of clients' certificates. Nothing is read where it does not run, or speaks no TLS.

        Args:
            tls: where certificate and key are; where they were if it is None.

        Returns:
            What has them shown to who connects from then on; who is connected stays.

        Raises:
            StartError: they can't be used; nothing has changed.
        """
        if self._running is None or self._running.certificates is None:
            return lambda: None
        return self._running.certificates.read(tls)

    def _warn(self, text: str) -> None:
        self._log.warn("{place}: {text}", place=_PLACE, text=text)

    def _allowed_address(self) -> TcpListen | UnixListen:
        if self._options.listen is None:
            message = f"{_PLACE} is missing: say where to listen"
            raise StartError(message)
        try:
            listen = parse_listen(self._options.listen)
        except ValueError as error:
            message = f"{_PLACE}: {error}"
            raise StartError(message) from error
        refused = why_refused(listen, tls=self._options.tls is not None, insecure=self._options.insecure)
        if refused is not None:
            message = f"{_PLACE}: {refused}"
            raise StartError(message)
        return listen

    def _listen(
        self,
        listen: TcpListen | UnixListen,
        file: UnixListener | None,
        server: grpc.Server,
        certificates: ServerCertificates | None,
    ) -> TcpListen | UnixListen:
        def add_port(address: str) -> int:
            if certificates is None:
                return server.add_insecure_port(address)
            return server.add_secure_port(address, certificates.credentials())

        if isinstance(listen, TcpListen):
            return TcpListen(listen.host, listen_tcp(listen, add_port, self._hosts, self._warn))
        if file is not None:
            file.listen(self._options.listen_mode, add_port)
        return listen
