"""StatsServices that behave as V2Ray 4, V2Ray 5, sing-box and Xray do where they differ, in this
process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE, XRAY_SERVICE
from pipetwist.api.wire import stats_pb2 as wire
from pipetwist.client.calls import StatsCalls
from pipetwist.client.server import Server
from pipetwist.values.bind_address import PortAddress

__all__ = [
    "COUNTERS",
    "FirstOnlineXray",
    "SingBox",
    "V2Ray4",
    "V2Ray5",
    "Xray",
    "calls_to",
    "serve",
    "server_of",
]

COUNTERS = {
    "user>>>bob>>>traffic>>>uplink": 4,
    "inbound>>>in>>>traffic>>>uplink": 1,
    "user>>>alice>>>traffic>>>uplink": 3,
    "inbound>>>in>>>traffic>>>downlink": 2,
    "user>>>alice>>>traffic>>>downlink": 5,
}
"""In no order, as the servers list them."""

_REQUESTS: dict[str, Any] = {
    "GetStats": wire.GetStatsRequest,
    "QueryStats": wire.QueryStatsRequest,
    "GetSysStats": wire.SysStatsRequest,
    "GetStatsOnline": wire.GetStatsRequest,
    "GetStatsOnlineIpList": wire.GetStatsRequest,
    "GetAllOnlineUsers": wire.GetAllOnlineUsersRequest,
    "GetUsersStats": wire.GetUsersStatsRequest,
}


class V2Ray5:
    """Knows patterns; an empty one is never answered, which a test would notice.

    Attributes:
        counters: what it counts.
        calls: the methods that were called, each with its request.
    """

    services: tuple[str, ...] = (V2RAY_SERVICE,)
    methods: tuple[str, ...] = ("GetStats", "QueryStats", "GetSysStats")

    def __init__(self) -> None:
        self.counters = dict(COUNTERS)
        self.calls: list[tuple[str, Any]] = []

    def GetStats(
        self, request: wire.GetStatsRequest, context: grpc.ServicerContext
    ) -> wire.GetStatsResponse:
        """One counter."""
        if request.name not in self.counters:
            self.not_found(request.name, context)
        return wire.GetStatsResponse(stat=self.read(request.name, reset=request.reset))

    def QueryStats(
        self, request: wire.QueryStatsRequest, context: grpc.ServicerContext
    ) -> wire.QueryStatsResponse:
        """The counters that match."""
        names = list(self.matching(request))
        return wire.QueryStatsResponse(
            stat=[self.read(name, reset=request.reset) for name in names]
        )

    def GetSysStats(
        self, request: wire.SysStatsRequest, context: grpc.ServicerContext
    ) -> wire.SysStatsResponse:
        """Some figures."""
        return wire.SysStatsResponse(
            NumGoroutine=12,
            Alloc=3 * 1024 * 1024,
            TotalAlloc=2**40,
            Uptime=93784,
            PauseTotalNs=1500000,
        )

    def matching(self, request: wire.QueryStatsRequest) -> Iterable[str]:
        """The names of a query, as this server finds them."""
        patterns = [*request.patterns, *([request.pattern] if request.pattern else [])]
        assert "" not in patterns, "V2Ray 5 never answers an empty pattern"
        return [
            name
            for name in self.counters
            if not patterns or any(_matches(pattern, name, request.regexp) for pattern in patterns)
        ]

    def read(self, name: str, *, reset: bool) -> wire.Stat:
        """A counter's value."""
        stat = wire.Stat(name=name, value=self.counters[name])
        if reset:
            self.counters[name] = 0
        return stat

    def not_found(self, name: str, context: grpc.ServicerContext) -> NoReturn:
        """Say that there is no such counter."""
        context.abort(grpc.StatusCode.UNKNOWN, f"app/stats/command: {name} not found.")


class V2Ray4(V2Ray5):
    """Knows one pattern, a text, and no other field."""

    def matching(self, request: wire.QueryStatsRequest) -> Iterable[str]:
        """The names of a query, as this server finds them."""
        return [name for name in self.counters if request.pattern in name]


class SingBox(V2Ray5):
    """Ignores ``pattern``, and lists a name once for each pattern that matches it."""

    def matching(self, request: wire.QueryStatsRequest) -> Iterable[str]:
        """The names of a query, as this server finds them."""
        if not request.patterns:
            return list(self.counters)
        return [
            name
            for pattern in request.patterns
            for name in self.counters
            if _matches(pattern, name, request.regexp)
        ]


class Xray(V2Ray4):
    """Knows both services, and who is online.

    Args:
        methods: the calls that this version has.
    """

    services = (V2RAY_SERVICE, XRAY_SERVICE)

    def __init__(self, *methods: str) -> None:
        super().__init__()
        self.methods = (*V2Ray5.methods, *methods)
        self.online = {"alice": {"192.0.2.1": 100, "192.0.2.2": 200}, "bob": {}}

    def GetStatsOnlineIpList(
        self, request: wire.GetStatsRequest, context: grpc.ServicerContext
    ) -> wire.GetStatsOnlineIpListResponse:
        """A user's sources."""
        user = request.name.removeprefix("user>>>").removesuffix(">>>online")
        if user not in self.online:
            self.not_found(request.name, context)
        return wire.GetStatsOnlineIpListResponse(name=request.name, ips=self.online[user])

    def GetAllOnlineUsers(
        self, request: wire.GetAllOnlineUsersRequest, context: grpc.ServicerContext
    ) -> wire.GetAllOnlineUsersResponse:
        """The users."""
        return wire.GetAllOnlineUsersResponse(
            users=[f"user>>>{user}>>>online" for user, sources in self.online.items() if sources]
        )

    def GetUsersStats(
        self, request: wire.GetUsersStatsRequest, context: grpc.ServicerContext
    ) -> wire.GetUsersStatsResponse:
        """The users with their sources."""
        return wire.GetUsersStatsResponse(
            users=[
                wire.UserStat(
                    email=user,
                    ips=[wire.OnlineIPEntry(ip=ip, last_seen=seen) for ip, seen in sources.items()],
                )
                for user, sources in self.online.items()
                if sources
            ]
        )

    def not_found(self, name: str, context: grpc.ServicerContext) -> NoReturn:
        """Say that there is no such counter."""
        context.abort(grpc.StatusCode.NOT_FOUND, f"{name} not found.")


class FirstOnlineXray(V2Ray4):
    """Xray 24.11: tells from how many sources a user is online, and nothing else of that."""

    services = (V2RAY_SERVICE, XRAY_SERVICE)
    methods = (*V2Ray5.methods, "GetStatsOnline")

    def __init__(self) -> None:
        super().__init__()
        self.online = {"alice": 2, "bob": 0}

    def GetStatsOnline(
        self, request: wire.GetStatsRequest, context: grpc.ServicerContext
    ) -> wire.GetStatsResponse:
        """How many sources a user has."""
        user = request.name.removeprefix("user>>>").removesuffix(">>>online")
        if user not in self.online:
            self.not_found(request.name, context)
        return wire.GetStatsResponse(stat=wire.Stat(name=request.name, value=self.online[user]))


def serve(case: SynchronousTestCase, servicer: V2Ray5) -> str:
    """Serve on a port of 127.0.0.1; the test's clean-up stops it.

    Returns:
        Where, as ``host:port``.
    """
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([_handlers(servicer, service) for service in servicer.services])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    case.addCleanup(lambda: server.stop(None).wait(60))
    return f"127.0.0.1:{port}"


def server_of(address: str) -> Server:
    """How an address on loopback is reached."""
    host, _, port = address.rpartition(":")
    return Server(address=PortAddress(host, int(port)), timeout=60.0)


def calls_to(case: SynchronousTestCase, servicer: V2Ray5) -> StatsCalls:
    """A client of a servicer, which is served for it."""
    calls = StatsCalls(server_of(serve(case, servicer)))
    case.addCleanup(calls.close)
    return calls


def _handlers(servicer: V2Ray5, service: str) -> grpc.GenericRpcHandler[Any, Any]:
    extra = (
        ()
        if service == XRAY_SERVICE
        else ("GetStatsOnline", "GetStatsOnlineIpList", "GetAllOnlineUsers", "GetUsersStats")
    )
    names = [name for name in servicer.methods if name not in extra]
    return grpc.method_handlers_generic_handler(
        service, {name: _handler(servicer, name) for name in names}
    )


def _handler(servicer: V2Ray5, name: str) -> grpc.RpcMethodHandler[Any, Any]:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        servicer.calls.append((name, request))
        method: Callable[[Any, grpc.ServicerContext], Any] = getattr(servicer, name)
        return method(request, context)

    return grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=_REQUESTS[name].FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )


def _matches(pattern: str, name: str, regexp: bool) -> bool:
    return re.search(pattern, name) is not None if regexp else pattern in name
