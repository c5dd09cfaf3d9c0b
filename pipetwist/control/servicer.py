"""Answers the calls of the control service. Runs in gRPC's threads; what it does with connections
is done in the reactor's.

A new call is a method here, with the name that it has in the .proto file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

import grpc

from pipetwist.api.callers import Callers
from pipetwist.control.actions import Actions
from pipetwist.control.answers import Row
from pipetwist.control.entities import EntityRow, EntitySelection, parse_entity_selection
from pipetwist.control.entity_answer import written_entity
from pipetwist.control.reactor_calls import ReactorCalls
from pipetwist.control.selection import Selection, parse_selection
from pipetwist.control.status import Status
from pipetwist.control.status_answer import written_status
from pipetwist.control.texts import wire_text
from pipetwist.control.wire.control_pb2 import (
    CloseConnectionsRequest,
    CloseConnectionsResponse,
    GetStatusRequest,
    GetStatusResponse,
    ListConnectionsRequest,
    ListConnectionsResponse,
    ListEntitiesRequest,
    ListEntitiesResponse,
    OpenConnection,
    ResetQuotasRequest,
    ResetQuotasResponse,
)
from pipetwist.control.wire.control_pb2 import Selection as WireSelection

if TYPE_CHECKING:
    from pipetwist.relay.connection import Connection

__all__ = ["ControlServicer"]

_MAX_UINT64: Final = 2**64 - 1


class ControlServicer:
    """Has a method for each call, with the call's name.

    Args:
        actions: what is done, in the reactor's thread.
        status: says the state of the daemon, there too.
        entities: reads inbounds, outbounds and users, there too, in slices.
        calls: call it there.
        callers: know who calls.
    """

    def __init__(
        self,
        actions: Actions,
        status: Callable[[], Status],
        entities: Callable[[EntitySelection], Iterator[list[EntityRow]]],
        calls: ReactorCalls,
        callers: Callers,
    ) -> None:
        self._actions = actions
        self._status = status
        self._entities = entities
        self._calls = calls
        self._callers = callers

    def ListConnections(
        self, request: ListConnectionsRequest, context: grpc.ServicerContext
    ) -> Iterator[ListConnectionsResponse]:
        """The open connections that are selected."""
        self._caller(context)
        selection = _selection(request.selection, context)
        # Nothing of the actions is touched in this thread.
        for connections in self._calls.call(lambda: self._actions.slices()):
            rows = self._calls.call(partial(self._rows, connections, selection))
            if rows:
                yield ListConnectionsResponse(connections=map(_written, rows))

    def CloseConnections(
        self, request: CloseConnectionsRequest, context: grpc.ServicerContext
    ) -> CloseConnectionsResponse:
        """Close those that are selected."""
        who = self._caller(context)
        selection = _selection(request.selection, context)
        if selection == Selection():
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                "say which connections: ids, users, inbounds, outbounds or older_than",
            )
        closed = self._calls.wait_for(lambda: self._actions.close(selection, who))
        return CloseConnectionsResponse(
            closed=closed.connections, unknown_ids=[str(one) for one in closed.unknown]
        )

    def ResetQuotas(
        self, request: ResetQuotasRequest, context: grpc.ServicerContext
    ) -> ResetQuotasResponse:
        """Begin the quotas of users anew."""
        who = self._caller(context)
        users = _selection(WireSelection(users=request.users), context).users
        if not users:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "say which users")
        reset = self._calls.call(lambda: self._actions.reset_quotas(users, who))
        return ResetQuotasResponse(quotas=reset.quotas, unknown_users=reset.unknown)

    def GetStatus(
        self, request: GetStatusRequest, context: grpc.ServicerContext
    ) -> GetStatusResponse:
        """The state of the daemon."""
        self._caller(context)
        return written_status(self._calls.call(self._status))

    def ListEntities(
        self, request: ListEntitiesRequest, context: grpc.ServicerContext
    ) -> Iterator[ListEntitiesResponse]:
        """What inbounds, outbounds and users have open, and their limits."""
        self._caller(context)
        try:
            selection = parse_entity_selection(request.entities, request.users)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        slices = self._entities(selection)
        while (rows := self._calls.call(lambda: next(slices, None))) is not None:
            if rows:
                yield ListEntitiesResponse(entities=map(written_entity, rows))

    def _rows(self, connections: list[Connection], selection: Selection) -> list[Row]:
        return self._actions.rows(connections, selection)

    def _caller(self, context: grpc.ServicerContext) -> str:
        who = self._callers.who(context.peer())
        if who is None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "it is not known who calls")
        return who


def _selection(selection: WireSelection, context: grpc.ServicerContext) -> Selection:
    try:
        return parse_selection(
            ids=selection.ids,
            users=selection.users,
            inbounds=selection.inbounds,
            outbounds=selection.outbounds,
            older_than=selection.older_than,
        )
    except ValueError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))


def _written(row: Row) -> OpenConnection:
    return OpenConnection(
        id=str(row.id),
        inbound=wire_text(row.inbound),
        outbound=wire_text(row.outbound),
        user=wire_text(row.user or ""),
        peer=wire_text(row.peer),
        age=row.age,
        uplink=min(row.uplink, _MAX_UINT64),
        downlink=min(row.downlink, _MAX_UINT64),
        pid=row.pid or 0,
        held_by=wire_text(row.held_by),
    )
