"""The StatsService as a Twisted service. Needs grpcio and google-re2; `pipetwist.api.availability` says so where they are missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from pipetwist.api.crowding import CrowdWatch, endpoint_of
from pipetwist.api.options import MOST_CONNECTIONS
from pipetwist.api.process import CollectorTime
from pipetwist.api.query import USUAL_BOUNDS, Bounds
from pipetwist.api.server import StatsServer
from pipetwist.api.servicer import StatsServicer
from pipetwist.api.tcp_listener import TcpListener
from pipetwist.api.unix_listener import UnixListener
from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.network.listening import ListenHosts
from pipetwist.tls import RenewableTls, server_tls
from pipetwist.values.listen import TcpListen, UnixListen, parse_listen, why_refused

if TYPE_CHECKING:
    from twisted.internet.ssl import CertificateOptions

    from pipetwist.api.options import ApiOptions, ApiTlsOptions
    from pipetwist.interfaces import ICounterStore
    from pipetwist.stats.online import OnlineUsers

__all__ = ["StatsApi"]

_API = "experimental.v2ray_api"
_PLACE = f"{_API}.listen"


@dataclass(frozen=True)
class _Running:
    server: StatsServer
    collector_time: CollectorTime
    listener: TcpListener | UnixListener
    tls: RenewableTls | None


class StatsApi(Service):
    """Serves counters and online users as V2Ray's and Xray's StatsService.

    Nothing of gRPC is made before the service starts, since gRPC does not outlive the fork of a process that becomes a daemon.

    Args:
        options: where to listen, and how. What they say about counting is not looked at.
        store: the counters.
        online: the users who are connected.
        reactor: listens on a TCP port and carries to gRPC what comes there, counts the time, and has the thread pool that waits for the
            calls that run when the service stops.
        grace: seconds that those may take before they are cancelled.
        bounds: how much one query may ask for.
        clock: seconds that only grow; for the time that the service has been up.
        log: takes what it has to say.
        files: reads the files of TLS; where it is None they are read anew.
        hosts: knows the addresses of the host to listen at; where it is None it is looked up.
    """

    def __init__(
        self,
        options: ApiOptions,
        store: ICounterStore,
        online: OnlineUsers,
        reactor: Any,
        *,
        grace: float = 2.0,
        bounds: Bounds = USUAL_BOUNDS,
        clock: Callable[[], float] = time.monotonic,
        log: Logger | None = None,
        files: KnownFiles | None = None,
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
        self._files = files
        self._tls_options = options.tls
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
        tls = None if self._tls_options is None else RenewableTls(self._read_tls(self._tls_options))
        began = self._clock()
        collector_time = CollectorTime()
        servicer = StatsServicer(self._store, self._online, collector_time, lambda: self._clock() - began, self._bounds)
        # What the gate has closed gRPC sees a little later.
        server = StatsServer.serving(servicer, 2 * MOST_CONNECTIONS if isinstance(listen, TcpListen) else MOST_CONNECTIONS)
        listener: TcpListener | UnixListener
        try:
            if isinstance(listen, TcpListen):
                listener = TcpListener(listen, self._reactor, self._hosts, self._log, tls)
                self.address = listener.listen(server.grpc.add_insecure_port)
            else:
                listener = UnixListener(listen.path)
                listener.listen(self._options.listen_mode, server.grpc.add_insecure_port)
                self.address = listen
        except BaseException:
            server.discard()
            listener.close()
            raise
        server.start()
        collector_time.start()
        self._running = _Running(server, collector_time, listener, tls)
        super().startService()
        self._log.info("The StatsService listens on {address}", address=self.address)
        if isinstance(listen, UnixListen):
            self._crowd_watch = CrowdWatch(endpoint_of(listen, self._reactor), self._reactor, self._log)

    @property
    def is_gone(self) -> bool:
        """Whether it can't be reached any more since its socket's file was removed."""
        listener = None if self._running is None else self._running.listener
        return isinstance(listener, UnixListener) and listener.is_gone

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
        listener = running.listener
        stopping: list[Deferred[Any]] = []
        if isinstance(listener, TcpListener):
            stopping.append(listener.stop_listening())
        else:
            try:
                listener.remove()
            except OSError as error:
                self._log.warn("{address} stays behind: {reason}", address=self._options.listen, reason=error.strerror)
        # Meanwhile the reactor carries what clients and gRPC say to each other.
        stopping.append(deferToThreadPool(self._reactor, self._reactor.getThreadPool(), running.server.stop, self._grace))

        return gatherResults(stopping).addBoth(_after, listener.close).addCallback(lambda _: None)

    def read_certificates(self, tls: ApiTlsOptions | None) -> Callable[[], None]:
        """Read the files of TLS again. Nothing is read where it does not run, or speaks no TLS.

        Args:
            tls: where they are; where they were if it is None.

        Returns:
            What has them shown to who connects from then on; who is connected stays.

        Raises:
            StartError: they can't be used; nothing has changed.
        """
        wanted, renewable = tls or self._tls_options, None if self._running is None else self._running.tls
        if wanted is None or renewable is None:
            return lambda: None
        read = self._read_tls(wanted)

        def show() -> None:
            self._tls_options, renewable.options = wanted, read

        return show

    def _read_tls(self, tls: ApiTlsOptions) -> CertificateOptions:
        return server_tls(_API, tls.certificate_path, tls.key_path, tls.client_certificate_path, [b"h2"], self._files)

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


def _after(result: object, call: Callable[[], object]) -> Deferred[Any]:
    """Have something done, and hand a result on once it is."""
    return maybeDeferred(call).addCallback(lambda _: result)
