"""The calls of pipetwist's control service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

import grpc
from google.protobuf.message import Message

from pipetwist.client.channel import call_failed, open_channel
from pipetwist.client.server import Server
from pipetwist.control.selection import MAX_NAMES
from pipetwist.control.wire import control_pb2
from pipetwist.control.wire.control_pb2 import (
    CloseConnectionsRequest,
    CloseConnectionsResponse,
    Entity,
    GetStatusRequest,
    GetStatusResponse,
    ListConnectionsRequest,
    ListConnectionsResponse,
    ListEntitiesRequest,
    ListEntitiesResponse,
    OpenConnection,
    ResetQuotasRequest,
    ResetQuotasResponse,
    Selection,
)

__all__ = ["ClosedConnections", "ControlCalls", "Selected"]

_SERVICE: Final = control_pb2.DESCRIPTOR.services_by_name["Control"].full_name
_Answer = TypeVar("_Answer", bound=Message)


@dataclass(frozen=True, kw_only=True)
class Selected:
    """Which connections are meant: everything must hold that is said.

    Attributes:
        ids: its id is one of these.
        users: its user is one of these.
        inbounds: its inbound's tag is one of these.
        outbounds: its outbound's tag is one of these.
        older_than: it has been open for this many seconds.
    """

    ids: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    inbounds: tuple[str, ...] = ()
    outbounds: tuple[str, ...] = ()
    older_than: float = 0.0

    @property
    def message(self) -> Selection:
        """The same on the wire."""
        return Selection(
            ids=self.ids,
            users=self.users,
            inbounds=self.inbounds,
            outbounds=self.outbounds,
            older_than=self.older_than,
        )


class ClosedConnections(NamedTuple):
    """What was closed.

    Attributes:
        number: of connections.
        unknown_ids: the ids that no open connection had.
    """

    number: int
    unknown_ids: tuple[str, ...]


class ControlCalls:
    """Makes calls to one daemon, one at a time. Must be closed.

    Args:
        server: the daemon. It is connected to by the first call.

    Raises:
        ServerError: a file for TLS can't be used.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._channel = open_channel(server)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def list_connections(self, selected: Selected) -> list[OpenConnection]:
        """The open connections, in the order in which they were opened.

        Raises:
            ServerError: there is no answer.
        """
        request = ListConnectionsRequest(selection=selected.message)
        answers = self._all("ListConnections", request, ListConnectionsResponse)
        return [one for answer in answers for one in answer.connections]

    def list_entities(self, *kinds: str, users: Iterable[str] = ()) -> list[Entity]:
        """Inbounds, outbounds and users with their limits.

        Args:
            kinds: only these: ``inbound``, ``outbound`` or ``user``.
            users: of users only these, at most `MAX_NAMES`; all if there are none.

        Raises:
            ServerError: there is no answer.
        """
        request = ListEntitiesRequest(entities=kinds, users=users)
        answers = self._all("ListEntities", request, ListEntitiesResponse)
        return [one for answer in answers for one in answer.entities]

    def get_status(self) -> GetStatusResponse:
        """The state of the daemon.

        Raises:
            ServerError: there is no answer.
        """
        return self._one("GetStatus", GetStatusRequest(), GetStatusResponse)

    def close_connections(self, selected: Selected) -> ClosedConnections:
        """Close connections, with as many calls as their ids take.

        Raises:
            ServerError: there is no answer; what was closed before stays closed.
        """
        ids = selected.ids
        closed = [
            self._close(replace(selected, ids=ids[at : at + MAX_NAMES]))
            for at in range(0, max(1, len(ids)), MAX_NAMES)
        ]
        unknown = [one for answer in closed for one in answer.unknown_ids]
        return ClosedConnections(sum(answer.closed for answer in closed), tuple(unknown))

    def reset_quotas(self, users: Iterable[str]) -> tuple[str, ...]:
        """Begin the quotas of users anew.

        Returns:
            The names of those who have none.

        Raises:
            ServerError: there is no answer.
        """
        answer = self._one("ResetQuotas", ResetQuotasRequest(users=users), ResetQuotasResponse)
        return tuple(answer.unknown_users)

    def _close(self, selected: Selected) -> CloseConnectionsResponse:
        request = CloseConnectionsRequest(selection=selected.message)
        return self._one("CloseConnections", request, CloseConnectionsResponse)

    def _one(self, method: str, request: Message, answer: type[_Answer]) -> _Answer:
        """Make a call that has one answer."""
        call = self._channel.unary_unary(
            f"/{_SERVICE}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            given: _Answer = call(request, timeout=self._server.timeout)
        except grpc.RpcError as error:
            raise call_failed(self._server, method, error) from error
        return given

    def _all(self, method: str, request: Message, answer: type[_Answer]) -> list[_Answer]:
        """Make a call whose answer comes in parts."""
        call = self._channel.unary_stream(
            f"/{_SERVICE}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            return list(call(request, timeout=self._server.timeout))
        except grpc.RpcError as error:
            raise call_failed(self._server, method, error) from error
