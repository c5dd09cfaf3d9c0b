"""The StatsService as a Twisted service. Needs grpcio and google-re2; `pipetwist.api.availability`
says so where they are missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pipetwist.api.grpc_service import GrpcService
from pipetwist.api.options import MAX_CONNECTIONS
from pipetwist.api.process import CollectorTime
from pipetwist.api.query import DEFAULT_BOUNDS, Bounds
from pipetwist.api.server import GrpcServer
from pipetwist.api.servicer import StatsServicer
from pipetwist.api.services import SERVICES
from pipetwist.descriptors import Share
from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyReactor
from pipetwist.network.listeners import ListenerTable
from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.listen import why_refused

if TYPE_CHECKING:
    from pipetwist.api.options import ApiOptions
    from pipetwist.interfaces import CounterStoreLike
    from pipetwist.stats.online import OnlineUsers

__all__ = ["StatsApi"]


class StatsApi(GrpcService):
    """Serves counters and online users as V2Ray's and Xray's StatsService.

    Args:
        options: where to listen, and how. The keys about counting are not used.
        store: the counters.
        online: the users who are online.
        reactor: see `GrpcService`.
        grace: see `GrpcService`.
        bounds: how much one query may ask for.
        clock: seconds that only grow; for the time that the service has been up.
        log: see `GrpcService`, also for the others.
        files: the same.
        listeners: the same.
        share: the same.
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
        super().__init__(
            "experimental.v2ray_api",
            "The StatsService",
            options,
            reactor,
            grace=grace,
            log=log,
            files=files,
            listeners=listeners,
            share=share,
        )
        self._api = options
        self._store = store
        self._online = online
        self._bounds = bounds
        self._clock = clock
        self._collector_time = CollectorTime()

    def make_server(self) -> GrpcServer:
        began = self._clock()
        self._collector_time = CollectorTime()
        servicer = StatsServicer(
            self._store,
            self._online,
            self._collector_time,
            lambda: self._clock() - began,
            self._bounds,
        )
        # gRPC notices a little later what the frontend has closed.
        return GrpcServer.serving(SERVICES, servicer, 2 * MAX_CONNECTIONS)

    def why_refused(self, listen: PortAddress | UnixAddress) -> str | None:
        return why_refused(
            listen, tls=self._api.spoken_tls is not None, insecure=self._api.insecure
        )

    def startService(self) -> None:
        """Listen and answer.

        Raises:
            StartError: it can't listen there.
        """
        super().startService()
        self._collector_time.start()

    def stopService(self) -> Deferred[None]:
        """Stop listening.

        Returns:
            A Deferred that fires when running calls have ended, after at most ``grace``.
        """
        if self._running is not None:
            self._collector_time.stop()
        return super().stopService()
