"""The control service as a Twisted service. Needs grpcio; `pipetwist.control.availability` says so
where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from pipetwist.api.callers import Callers
from pipetwist.api.grpc_service import GrpcService
from pipetwist.api.options import MAX_CONNECTIONS
from pipetwist.api.server import GrpcServer
from pipetwist.control.actions import Actions
from pipetwist.control.entities import EntityRow, EntitySelection
from pipetwist.control.options import ControlOptions, why_refused
from pipetwist.control.peers import identify
from pipetwist.control.reactor_calls import ReactorCalls
from pipetwist.control.servicer import ControlServicer
from pipetwist.control.status import Status
from pipetwist.control.wire import control_pb2
from pipetwist.descriptors import Share
from pipetwist.files import KnownFiles
from pipetwist.interfaces import AnyReactor
from pipetwist.network.listeners import ListenerTable
from pipetwist.values.bind_address import PortAddress, UnixAddress

if TYPE_CHECKING:
    from google.protobuf.descriptor import ServiceDescriptor

__all__ = ["ControlService"]

_SERVICE: Final = control_pb2.DESCRIPTOR.services_by_name["Control"]
_SERVICES: Final[Mapping[str, ServiceDescriptor]] = {_SERVICE.full_name: _SERVICE}


class ControlService(GrpcService):
    """Serves what acts on open connections.

    Args:
        options: where to listen, and how.
        actions: what is done with connections.
        status: says the state of the daemon; called in the reactor's thread.
        entities: reads inbounds, outbounds and users, there too, in slices.
        reactor: see `GrpcService`, also for the others.
        grace: the same.
        log: the same.
        files: the same.
        listeners: the same.
        share: the same.
    """

    def __init__(
        self,
        options: ControlOptions,
        actions: Actions,
        status: Callable[[], Status],
        entities: Callable[[EntitySelection], Iterator[list[EntityRow]]],
        reactor: AnyReactor,
        *,
        grace: float = 2.0,
        log: Logger | None = None,
        files: KnownFiles | None = None,
        listeners: ListenerTable | None = None,
        share: Share | None = None,
    ) -> None:
        self._control = options
        self._actions = actions
        self._status = status
        self._entities = entities
        self._known_callers = callers = Callers(identify)
        super().__init__(
            "control",
            "The control service",
            options,
            reactor,
            grace=grace,
            log=log,
            files=files,
            listeners=listeners,
            share=share,
            callers=callers,
        )

    def make_server(self) -> GrpcServer:
        calls = ReactorCalls(self.reactor)
        reads = (self._status, self._entities)
        servicer = ControlServicer(self._actions, *reads, calls, self._known_callers)
        return GrpcServer.serving(_SERVICES, servicer, 2 * MAX_CONNECTIONS)

    def why_refused(self, listen: PortAddress | UnixAddress) -> str | None:
        tls = self._control.spoken_tls
        return why_refused(
            listen,
            tls=tls is not None,
            client_certificates=tls is not None and tls.client_certificate_path is not None,
        )
