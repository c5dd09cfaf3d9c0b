"""The calls of a StatsService, under whichever of its two names the server knows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn, TypeVar

import grpc
from google.protobuf.message import Message

from pipetwist.api.services import TOTALS, V2RAY_SERVICE, XRAY_SERVICE
from pipetwist.api.wire.stats_pb2 import (
    GetAllOnlineUsersRequest,
    GetAllOnlineUsersResponse,
    GetStatsOnlineIpListResponse,
    GetStatsRequest,
    GetStatsResponse,
    GetUsersStatsRequest,
    GetUsersStatsResponse,
    QueryStatsRequest,
    QueryStatsResponse,
    SysStatsRequest,
    SysStatsResponse,
)
from pipetwist.client.channel import call_failed, open_channel
from pipetwist.client.server import Server
from pipetwist.errors import ServerError

__all__ = ["StatsCalls", "UnsupportedError"]

_NOT_FOUND: Final = "not found."  # how each server's answer ends
_Answer = TypeVar("_Answer", bound=Message)


class UnsupportedError(ServerError):
    """The server has no such call."""


class StatsCalls:
    """Makes calls to one server, one at a time. Must be closed.

    Args:
        server: the server. It is connected to by the first call.

    Raises:
        ServerError: a file for TLS can't be used.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._channel = open_channel(server)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def get_stats(self, name: str, *, reset: bool = False) -> int | None:
        """A counter's value, or None if there is no such counter.

        Raises:
            ServerError: there is no answer.
        """
        answer = self._found("GetStats", GetStatsRequest(name=name, reset=reset), GetStatsResponse)
        return None if answer is None else answer.stat.value

    def query_stats(
        self,
        *,
        pattern: str = "",
        patterns: Sequence[str] = (),
        regexp: bool = False,
        reset: bool = False,
    ) -> list[tuple[str, int]]:
        """Names and values of counters, in the server's order. A name may occur twice (sing-box).

        Raises:
            ServerError: there is no answer.
        """
        request = QueryStatsRequest(pattern=pattern, patterns=patterns, regexp=regexp, reset=reset)
        return [
            (stat.name, stat.value)
            for stat in self._call("QueryStats", request, QueryStatsResponse).stat
        ]

    def query_totals(
        self, *, pattern: str = "", patterns: Sequence[str] = (), regexp: bool = False
    ) -> list[tuple[str, int]]:
        """Names of counters and what was counted of each in all, whatever was reset; pipetwist's
        alone.

        Raises:
            UnsupportedError: the server tells only what was counted since the last reset.
            ServerError: there is no answer.
        """
        request = QueryStatsRequest(pattern=pattern, patterns=patterns, regexp=regexp)
        answer = self._call("QueryStats", request, QueryStatsResponse, metadata=TOTALS)
        return [(stat.name, stat.value) for stat in answer.stat]

    def get_sys_stats(self) -> SysStatsResponse:
        """The figures of the server's process.

        Raises:
            ServerError: there is no answer.
        """
        return self._call("GetSysStats", SysStatsRequest(), SysStatsResponse)

    def get_users_stats(self) -> GetUsersStatsResponse:
        """The users who are online, with their sources; Xray's alone.

        Raises:
            UnsupportedError: the server does not have this call.
            ServerError: there is no answer.
        """
        return self._call(
            "GetUsersStats", GetUsersStatsRequest(), GetUsersStatsResponse, XRAY_SERVICE
        )

    def get_all_online_users(self) -> list[str]:
        """The names ``user>>>NAME>>>online`` of the users who are online; Xray's alone.

        Raises:
            UnsupportedError: the server does not have this call.
            ServerError: there is no answer.
        """
        return list(
            self._call(
                "GetAllOnlineUsers",
                GetAllOnlineUsersRequest(),
                GetAllOnlineUsersResponse,
                XRAY_SERVICE,
            ).users
        )

    def get_stats_online(self, name: str) -> int | None:
        """How many sources a user is connected from, or None for a user never seen; Xray's alone.

        Raises:
            UnsupportedError: the server does not have this call.
            ServerError: there is no answer.
        """
        answer = self._found(
            "GetStatsOnline", GetStatsRequest(name=name), GetStatsResponse, XRAY_SERVICE
        )
        return None if answer is None else answer.stat.value

    def get_stats_online_ip_list(self, name: str) -> dict[str, int] | None:
        """A user's sources, with the time that each was last seen at in seconds since 1970, or None
        for a user never seen; Xray's alone.

        Raises:
            UnsupportedError: the server does not have this call.
            ServerError: there is no answer.
        """
        answer = self._found(
            "GetStatsOnlineIpList",
            GetStatsRequest(name=name),
            GetStatsOnlineIpListResponse,
            XRAY_SERVICE,
        )
        return None if answer is None else dict(answer.ips)

    def _found(
        self, method: str, request: Message, answer: type[_Answer], *services: str
    ) -> _Answer | None:
        try:
            return self._call(method, request, answer, *services)
        except _NotFoundError:
            return None

    def _call(
        self,
        method: str,
        request: Message,
        answer: type[_Answer],
        *services: str,
        metadata: tuple[str, str] | None = None,
    ) -> _Answer:
        """Make a call; with metadata its answer must come with the same."""
        for service in services or (V2RAY_SERVICE, XRAY_SERVICE):
            call = self._channel.unary_unary(
                f"/{service}/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=answer.FromString,
            )
            try:
                given: _Answer
                given, ended = call.with_call(
                    request,
                    timeout=self._server.timeout,
                    metadata=None if metadata is None else (metadata,),
                )
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    self._fail(method, error)
            else:
                if metadata is None or metadata in map(tuple, ended.initial_metadata()):
                    return given
                message = (
                    f"{self._server.address} tells only what was counted since the last reset; "
                    "totals are known of pipetwist's API, and of its file of counters (--store)"
                )
                raise UnsupportedError(message)
        message = (
            f"{self._server.address} has no call {method}; is it the port of the API, and is "
            "StatsService among its services?"
        )
        raise UnsupportedError(message)

    def _fail(self, method: str, error: grpc.RpcError) -> NoReturn:
        code: grpc.StatusCode = error.code()
        details: str = error.details() or ""
        if code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNKNOWN} and details.endswith(
            _NOT_FOUND
        ):
            raise _NotFoundError(details) from None
        raise call_failed(self._server, method, error) from error


class _NotFoundError(ServerError):
    """The server has no counter with this name."""
