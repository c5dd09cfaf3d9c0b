"""The kinds of client: an inbound that it comes in at, and how it connects."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.inbounds.vsock import VsockInboundOptions
from pipetwist.kinds.inbound_options import InboundOptions, TlsServerOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.network.vsock_socket import AF_VSOCK
from tests.behaviour.channels import SocketChannel, TlsChannel
from tests.support.scratch import free_port
from tests.support.shared_certificates import (
    AUTHORITY,
    CLIENT_NAME,
    SERVER,
    SERVER_NAME,
    client_context,
)
from tests.support.vsock import LOCAL_CID, free_vsock_port
from tests.support.waiting import until

__all__ = [
    "Clients",
    "EndpointTcpClients",
    "EndpointUnixClients",
    "TcpClients",
    "TlsClients",
    "UnixClients",
    "UnixTlsClients",
    "VsockClients",
]


class Clients:
    """One kind of client, for one test."""

    name: ClassVar[str]
    half_closes: ClassVar[bool]
    """Whether its end of file leaves the other direction open."""
    user: ClassVar[str]
    """The user that it is known as; empty if it is not."""
    is_seen_to_go: ClassVar[bool]
    """Whether the kernel tells of its close while nothing is read from it. Of TCP's it would only
    tell who reads.
    """
    reset: ClassVar[str]
    """The log's reason for a connection that it has reset."""
    cut_short = ""
    """The same for one that it has closed where there was no room to say so, if it is another."""
    has_resets: ClassVar[bool]
    """Whether being cut off looks other than an end in order, to it and from it."""
    is_seen_to_half_close = False
    """Whether its being cut off looks as if it had half-closed first: a client that speaks TLS may
    do so without a close_notify.
    """

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        """Choose an address that is free."""
        raise NotImplementedError

    def inbound(
        self, idle_timeout: float | None, half_close_timeout: float | None
    ) -> InboundOptions:
        """The inbound's options, with the tag ``in``."""
        raise NotImplementedError

    async def connect(self) -> SocketChannel:
        """Connect one."""
        raise NotImplementedError


class UnixClients(Clients):
    """Clients of an inbound ``unix``, known by the kernel's word."""

    name = "unix"
    is_seen_to_go = True
    half_closes = True
    user = "alice"
    reset = "client closed"
    has_resets = False

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        self.path = str(folder / "in.sock")

    def inbound(
        self, idle_timeout: float | None, half_close_timeout: float | None
    ) -> InboundOptions:
        alice = UserOptions(name=self.user, uid=os.geteuid())
        return UnixInboundOptions(
            tag="in",
            path=self.path,
            users=(alice,),
            idle_timeout=idle_timeout,
            half_close_timeout=half_close_timeout,
        )

    async def connect(self) -> SocketChannel:
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path)
        return SocketChannel(client)


class TcpClients(Clients):
    """Clients of an inbound ``tcp`` without TLS."""

    name = "tcp"
    is_seen_to_go = False
    half_closes = True
    user = ""
    reset = "client: the connection was reset"
    has_resets = True

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        self.port = free_port(case)

    def inbound(
        self, idle_timeout: float | None, half_close_timeout: float | None
    ) -> InboundOptions:
        return TcpInboundOptions(
            tag="in",
            listen_port=self.port,
            idle_timeout=idle_timeout,
            half_close_timeout=half_close_timeout,
        )

    async def connect(self) -> SocketChannel:
        return SocketChannel(socket.create_connection(("127.0.0.1", self.port)))


class TlsClients(TcpClients):
    """Clients of an inbound ``tcp`` with TLS, known by their certificates.

    Twisted answers a close_notify with its own and closes, so an end of file from one of them ends
    both directions.
    """

    name = "tls"
    half_closes = False
    user = "alice"
    reset = "client: the connection was lost without a TLS close_notify"

    def inbound(
        self, idle_timeout: float | None, half_close_timeout: float | None
    ) -> InboundOptions:
        return TcpInboundOptions(
            tag="in",
            listen_port=self.port,
            tls=TlsServerOptions(
                certificate_path=SERVER[0], key_path=SERVER[1], client_certificate_path=AUTHORITY
            ),
            users=(UserOptions(name=self.user, certificate_name=CLIENT_NAME),),
            idle_timeout=idle_timeout,
            half_close_timeout=half_close_timeout,
        )

    async def connect(self) -> SocketChannel:
        client = TlsChannel(
            socket.create_connection(("127.0.0.1", self.port)), client_context(), SERVER_NAME
        )
        await until(client.shake_hands, "the handshake")
        return client


class KernelTlsClients(TlsClients):
    """The same where OpenSSL reads and writes the sockets itself."""

    name = "kernel_tls"
    half_closes = True
    reset = "client: the connection was reset"
    cut_short = "client closed; client: the connection was lost without a TLS close_notify"


class UnixTlsClients(UnixClients):
    """Clients of an inbound ``unix`` with TLS, known by the kernel's word."""

    name = "unix_tls"
    reset = "client closed; client: the connection was lost without a TLS close_notify"
    has_resets = is_seen_to_half_close = True

    def inbound(
        self, idle_timeout: float | None, half_close_timeout: float | None
    ) -> InboundOptions:
        return UnixInboundOptions(
            tag="in",
            path=self.path,
            tls=TlsServerOptions(certificate_path=SERVER[0], key_path=SERVER[1]),
            users=(UserOptions(name=self.user, uid=os.geteuid()),),
            idle_timeout=idle_timeout,
            half_close_timeout=half_close_timeout,
        )

    async def connect(self) -> SocketChannel:
        connected = socket.socket(socket.AF_UNIX)
        connected.connect(self.path)
        client = TlsChannel(connected, client_context(), SERVER_NAME)
        await until(client.shake_hands, "the handshake")
        return client


class VsockClients(Clients):
    """Clients of an inbound ``vsock``, on this machine."""

    name = "vsock"
    is_seen_to_go = False
    half_closes = True
    user = ""
    reset = "client closed"
    has_resets = False

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        self.port = free_vsock_port()

    def inbound(
        self, idle_timeout: float | None, half_close_timeout: float | None
    ) -> InboundOptions:
        return VsockInboundOptions(
            tag="in",
            cid=LOCAL_CID,
            port=self.port,
            idle_timeout=idle_timeout,
            half_close_timeout=half_close_timeout,
        )

    async def connect(self) -> SocketChannel:
        client = socket.socket(AF_VSOCK)
        client.connect((LOCAL_CID, self.port))
        return SocketChannel(client)


class EndpointUnixClients(UnixClients):
    """Clients of an inbound ``endpoint`` whose string is of a unix socket."""

    name = "endpoint_unix"
    user = ""

    def inbound(
        self, idle_timeout: float | None, half_close_timeout: float | None
    ) -> InboundOptions:
        endpoint = f"unix:{self.path}"
        return EndpointInboundOptions(
            tag="in",
            endpoint=endpoint,
            idle_timeout=idle_timeout,
            half_close_timeout=half_close_timeout,
        )


class EndpointTcpClients(TcpClients):
    """Clients of an inbound ``endpoint`` whose string is of a TCP port."""

    name = "endpoint_tcp"

    def inbound(
        self, idle_timeout: float | None, half_close_timeout: float | None
    ) -> InboundOptions:
        endpoint = f"tcp:{self.port}:interface=127.0.0.1"
        return EndpointInboundOptions(
            tag="in",
            endpoint=endpoint,
            idle_timeout=idle_timeout,
            half_close_timeout=half_close_timeout,
        )
