"""Answers the calls of both services. Runs in gRPC's threads, and uses only methods of counters and
users that any thread may call.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Final, NoReturn

import grpc

from pipetwist.api.process import CollectorTime, process_figures
from pipetwist.api.query import BadQueryError, Bounds, SlowQueryError, query, read
from pipetwist.api.services import TOTALS
from pipetwist.api.wire.stats_pb2 import (
    GetAllOnlineUsersRequest,
    GetAllOnlineUsersResponse,
    GetStatsOnlineIpListResponse,
    GetStatsRequest,
    GetStatsResponse,
    GetUsersStatsRequest,
    GetUsersStatsResponse,
    OnlineIPEntry,
    QueryStatsRequest,
    QueryStatsResponse,
    Stat,
    SysStatsRequest,
    SysStatsResponse,
    TrafficUserStat,
)
from pipetwist.stats.names import traffic_name
from pipetwist.stats.online import OnlineUsers, online_name, online_user

if TYPE_CHECKING:
    from pipetwist.interfaces import CounterStoreLike
    from pipetwist.stats.names import Direction

__all__ = ["StatsServicer"]

_MAX_UINT32: Final = 2**32 - 1


class StatsServicer:
    """Has a method for each call, with the call's name.

    Args:
        store: the counters.
        online: the users who are online.
        collector_time: how long Python's garbage collector has run.
        uptime: seconds since the service started.
        bounds: how much one query may ask for.
    """

    def __init__(
        self,
        store: CounterStoreLike,
        online: OnlineUsers,
        collector_time: CollectorTime,
        uptime: Callable[[], float],
        bounds: Bounds,
    ) -> None:
        self._store = store
        self._online = online
        self._collector_time = collector_time
        self._uptime = uptime
        self._bounds = bounds
        # One query runs at a time, the writing of its answer included, so that many queries take no
        # more time from the reactor's thread than one.
        self._querying = Lock()

    def GetStats(self, request: GetStatsRequest, context: grpc.ServicerContext) -> GetStatsResponse:
        """One counter by its name. A reset of a name that does not exist makes nothing."""
        counter = self._store.get(request.name)
        if counter is None:
            _not_found(request.name, context)
        return GetStatsResponse(
            stat=Stat(name=request.name, value=read(counter, reset=request.reset))
        )

    def QueryStats(
        self, request: QueryStatsRequest, context: grpc.ServicerContext
    ) -> QueryStatsResponse:
        """The counters that match; with the metadata `TOTALS` what was counted of each in all."""
        with self._querying:
            if not context.is_active():
                # The client has gone meanwhile: the values of a reset would be lost.
                return QueryStatsResponse()
            wants_totals = TOTALS in map(tuple, context.invocation_metadata())
            if wants_totals:
                context.send_initial_metadata((TOTALS,))
            try:
                stats = query(
                    self._store,
                    pattern=request.pattern,
                    patterns=request.patterns,
                    regexp=request.regexp,
                    reset=request.reset,
                    total=wants_totals,
                    bounds=self._bounds,
                )
            except BadQueryError as bad:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(bad))
            except SlowQueryError as slow:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(slow))
            # One by one: a list of ten thousand is copied in a single call, which keeps the
            # interpreter from the reactor's thread for three milliseconds.
            response = QueryStatsResponse()
            for name, value in stats:
                response.stat.add(name=name, value=value)
            return response

    def GetSysStats(
        self, request: SysStatsRequest, context: grpc.ServicerContext
    ) -> SysStatsResponse:
        """What CPython and the kernel know of the process; the .proto file says which field is
        what.
        """
        figures = process_figures()
        return SysStatsResponse(
            NumGoroutine=figures.threads,
            NumGC=min(figures.collections, _MAX_UINT32),
            Alloc=figures.resident,
            Sys=figures.address_space,
            LiveObjects=figures.blocks,
            PauseTotalNs=self._collector_time.nanoseconds,
            Uptime=min(int(self._uptime()), _MAX_UINT32),
        )

    def GetStatsOnline(
        self, request: GetStatsRequest, context: grpc.ServicerContext
    ) -> GetStatsResponse:
        """How many sources a user is connected from; 0 for one who is offline."""
        sources = self._sources(request.name, context)
        return GetStatsResponse(stat=Stat(name=request.name, value=len(sources)))

    def GetStatsOnlineIpList(
        self, request: GetStatsRequest, context: grpc.ServicerContext
    ) -> GetStatsOnlineIpListResponse:
        """The sources that a user is connected from."""
        return GetStatsOnlineIpListResponse(
            name=request.name, ips=self._sources(request.name, context)
        )

    def GetAllOnlineUsers(
        self, request: GetAllOnlineUsersRequest, context: grpc.ServicerContext
    ) -> GetAllOnlineUsersResponse:
        """The users who are online, by their names in these calls."""
        return GetAllOnlineUsersResponse(
            users=[online_name(user) for user in self._online.online()]
        )

    def GetUsersStats(
        self, request: GetUsersStatsRequest, context: grpc.ServicerContext
    ) -> GetUsersStatsResponse:
        """The users who are online, with their sources and, if requested, their traffic."""
        response = GetUsersStatsResponse()
        for user, sources in self._online.online().items():
            response.users.add(
                email=user,
                ips=[
                    OnlineIPEntry(ip=source, last_seen=seen)
                    for source, seen in sorted(sources.items())
                ],
                traffic=self._traffic(user, reset=request.reset)
                if request.include_traffic
                else None,
            )
        return response

    def _traffic(self, user: str, *, reset: bool) -> TrafficUserStat:
        def value(direction: Direction) -> int:
            counter = self._store.get(traffic_name("user", user, direction))
            return 0 if counter is None else read(counter, reset=reset)

        return TrafficUserStat(uplink=value("uplink"), downlink=value("downlink"))

    def _sources(self, name: str, context: grpc.ServicerContext) -> dict[str, int]:
        user = online_user(name)
        sources = None if user is None else self._online.sources(user)
        if sources is None:
            _not_found(name, context)
        return sources


def _not_found(name: str, context: grpc.ServicerContext) -> NoReturn:
    # Clients check the end of this text, including the full stop.
    context.abort(grpc.StatusCode.NOT_FOUND, f"{name} not found.")
