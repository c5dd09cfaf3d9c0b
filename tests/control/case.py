"""Open connections of a tree with a control service, and clients that call it."""

from __future__ import annotations

import socket
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import grpc
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase
from zope.interface import provider

from pipetwist.config.document import Document, RouteOptions
from pipetwist.connection.states import Phase
from pipetwist.control.options import ControlOptions
from pipetwist.control.wire.control_pb2 import (
    CloseConnectionsRequest,
    CloseConnectionsResponse,
    ListConnectionsRequest,
    ListConnectionsResponse,
    OpenConnection,
    Selection,
)
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.service.tree import PipetwistService
from pipetwist.values.bind_address import PortAddress
from pipetwist.web.options import WebOptions
from tests.support.api_server import RPC_SECONDS, open_channel
from tests.support.scratch import scratch_folder, wait_until

__all__ = ["SERVICE", "Control", "ControlCase"]

SERVICE = "pipetwist.control.Control"


class Control:
    """Calls the control service, from another thread than the reactor's.

    Args:
        case: the test.
        target: where it listens, as gRPC writes it.
        credentials: for TLS.
    """

    def __init__(
        self, case: TestCase, target: str, credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        self._channel = open_channel(case, target, credentials)

    async def list(self, **selection: Any) -> list[OpenConnection]:
        """The connections that are selected."""
        request = ListConnectionsRequest(selection=Selection(**selection))
        call = self._channel.unary_stream(
            f"/{SERVICE}/ListConnections",
            request_serializer=ListConnectionsRequest.SerializeToString,
            response_deserializer=ListConnectionsResponse.FromString,
        )
        return await deferToThread(
            lambda: [
                one for answer in call(request, timeout=RPC_SECONDS) for one in answer.connections
            ]
        )

    async def close(self, **selection: Any) -> CloseConnectionsResponse:
        """Close those that are selected."""
        call = self._channel.unary_unary(
            f"/{SERVICE}/CloseConnections",
            request_serializer=CloseConnectionsRequest.SerializeToString,
            response_deserializer=CloseConnectionsResponse.FromString,
        )
        request = CloseConnectionsRequest(selection=Selection(**selection))
        return await deferToThread(call, request, RPC_SECONDS)


class ControlCase(TestCase):
    """A tree with two inbounds on unix sockets, of which one knows who root is."""

    timeout = 300

    def setUp(self) -> None:
        """Choose the folder, and listen to the log."""
        self.folder = scratch_folder(self)
        self.lines: list[str] = []

        @provider(ILogObserver)
        def hear(event: LogEvent) -> None:
            self.lines.append(formatEvent(event))

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)

    @property
    def path(self) -> Path:
        """The control service's socket."""
        return self.folder / f"control-{self.folder.name}.sock"

    def start(self, metrics: WebOptions | None = None, **options: Any) -> PipetwistService:
        """Start the tree; the test's clean-up stops it.

        Args:
            metrics: the HTTP listener, if there is one.
            options: of the control service, over those of a unix socket.
        """
        users = (UserOptions(name="alice", uid=0),)
        listen = {"listen": f"unix:{self.path}", **options}
        document = Document(
            inbounds=(
                UdpInboundOptions(tag="packets", listen="127.0.0.1", listen_port=0),
                UnixInboundOptions(tag="in", path=str(self.folder / "in")),
                UnixInboundOptions(tag="known", path=str(self.folder / "known"), users=users),
            ),
            outbounds=(
                ForkOutboundOptions(tag="echo", command=("cat",)),
                ForkOutboundOptions(tag="framed", command=("cat",), framing="rfc4571"),
            ),
            route=RouteOptions(rules=(RuleOptions(inbound=("packets",), outbound="framed"),)),
            control=ControlOptions(**listen),
            metrics=metrics,
        )
        tree = PipetwistService(document, reactor)
        tree.startService()
        self.addCleanup(tree.stopService)
        self.tree = tree
        return tree

    def client(self, credentials: grpc.ChannelCredentials | None = None) -> Control:
        """A client of it."""
        address = self.tree.control.address
        target = str(address) if isinstance(address, PortAddress) else f"unix:{address.path}"
        return Control(self, target, credentials)

    async def connect(self, inbound: str = "in") -> socket.socket:
        """Open a connection that has carried five bytes each way; the clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(self.folder / inbound))
        client.sendall(b"hello")
        self.assertEqual(await deferToThread(client.recv, 9), b"hello")
        return client

    async def error(
        self, calling: Awaitable[object], kind: type[Exception] = grpc.RpcError
    ) -> Any:  # grpc's error is a grpc.Call too
        """The error of a call that is to fail."""
        try:
            answer = await calling
        except kind as error:
            return error
        message = f"it was answered: {answer}"
        raise AssertionError(message)

    async def assertClosed(self, client: socket.socket) -> None:
        """A client's connection is closed."""

        def read() -> bytes:
            try:
                return client.recv(9)
            except ConnectionResetError:
                return b""

        self.assertEqual(await deferToThread(read), b"")
        # Whose command is still ending has no line in the log yet.
        table = self.tree.relay.connection_table
        await deferToThread(
            wait_until,
            lambda: all(one.phase < Phase.CLOSING for one in table.connections()),
            "its command to end",
        )
