"""The kinds of server that is no command: an outbound that leads to it, and how it accepts."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.interfaces import ISpawner
from pipetwist.kinds.outbound_options import OutboundOptions, TlsClientOptions
from pipetwist.network.vsock_socket import AF_VSOCK
from pipetwist.outbounds.endpoint import EndpointOutboundOptions
from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.outbounds.vsock import VsockOutboundOptions
from tests.behaviour.channels import Channel, SocketChannel, TlsChannel
from tests.support.scratch import free_port
from tests.support.shared_certificates import AUTHORITY, SERVER_NAME, server_context
from tests.support.vsock import LOCAL_CID, free_vsock_port
from tests.support.waiting import until

__all__ = [
    "EndpointTcpServers",
    "EndpointUnixServers",
    "Servers",
    "SocketServers",
    "TcpServers",
    "TlsServers",
    "UnixServers",
    "UnixTlsServers",
    "VsockServers",
]


class Servers:
    """One kind of server, for one test."""

    name: ClassVar[str]
    half_closes: ClassVar[bool]
    """Whether its end of file leaves the other direction open."""
    is_seen_to_go: ClassVar[bool]
    """Whether the kernel tells of its close while nothing is read from it. Of TCP's it would only
    tell who reads.
    """
    reset: ClassVar[str]
    """The log's reason for a connection that it has reset."""
    cut_short = ""
    """The same for one that it has closed where there was no room to say so, if it is another."""
    has_resets: ClassVar[bool]
    """Whether it can be seen of it that it was cut off."""
    hears_resets: ClassVar[bool]
    """Whether it can see itself that its client was."""
    can_keep_waiting: ClassVar[bool]
    """Whether connecting it can take for ever."""

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        """Listen on an address that is free."""
        raise NotImplementedError

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        """The outbound's options, with the tag ``out``."""
        raise NotImplementedError

    def spawner(self, reactor: Any) -> ISpawner | None:
        """What starts commands; None for the system's best."""
        raise NotImplementedError

    async def accept(self) -> Channel:
        """Wait for the next connection."""
        raise NotImplementedError

    def refuse(self) -> str:
        """Let connecting fail from now on, and say what is to be told of it."""
        raise NotImplementedError

    def keep_waiting(self) -> None:
        """Neither accept nor refuse from now on."""
        raise NotImplementedError

    def come_back(self) -> None:
        """Listen again, at the same address, after `refuse`."""
        raise NotImplementedError


class SocketServers(Servers):
    """What servers that listen have in common."""

    half_closes = True
    can_keep_waiting = True
    listening: socket.socket

    def spawner(self, reactor: Any) -> ISpawner | None:
        return None

    async def accept(self) -> Channel:
        return SocketChannel(await self.accepted())

    async def accepted(self) -> socket.socket:
        """Wait for the next connection, and take its socket, which does not block."""
        found: list[socket.socket] = []

        def look() -> bool:
            try:
                found.append(self.listening.accept()[0])
            except BlockingIOError:
                return False
            return True

        await until(look, "a connection to the server")
        found[0].setblocking(False)
        return found[0]

    def keep_waiting(self) -> None:
        """See `Servers`: the backlog is full."""
        self.listening.listen(0)
        for _ in range(4):
            filler = socket.socket(self.listening.family)
            self._case.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(self.listening.getsockname())

    def _listen(self, case: SynchronousTestCase, listening: socket.socket) -> None:
        self._case = case
        self.listening = listening
        case.addCleanup(listening.close)
        listening.setblocking(False)
        listening.listen(1024)


class UnixServers(SocketServers):
    """Servers at the end of an outbound ``unix``."""

    name = "unix"
    is_seen_to_go = True
    reset = "server closed"
    has_resets = hears_resets = False

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        self.path = str(folder / "out.sock")
        self._begin(case)

    def _begin(self, case: SynchronousTestCase) -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        self._listen(case, listening)

    def come_back(self) -> None:
        """See `Servers`: for a moment there is no file at all."""
        Path(self.path).unlink()
        self._begin(self._case)

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        return UnixOutboundOptions(tag="out", path=self.path, connect_timeout=connect_timeout)

    def refuse(self) -> str:
        self.listening.close()
        return "Connection refused"


class TcpServers(SocketServers):
    """Servers at the end of an outbound ``tcp`` without TLS."""

    name = "tcp"
    is_seen_to_go = False
    reset = "server: the connection was reset"
    has_resets = hears_resets = True

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        self.port = free_port(case)
        self._begin(case)

    def _begin(self, case: SynchronousTestCase) -> None:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        self._listen(case, listening)

    def come_back(self) -> None:
        self._begin(self._case)

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        return TcpOutboundOptions(
            tag="out", server="127.0.0.1", server_port=self.port, connect_timeout=connect_timeout
        )

    def refuse(self) -> str:
        self.listening.close()
        return "Connection refused"


class TlsServers(TcpServers):
    """Servers at the end of an outbound ``tcp`` with TLS.

    Twisted answers a close_notify with its own and closes, so an end of file from one of them ends
    both directions.
    """

    name = "tls"
    reset = "server: the connection was lost without a TLS close_notify"
    half_closes = False

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        tls = TlsClientOptions(enabled=True, server_name=SERVER_NAME, certificate_path=AUTHORITY)
        return TcpOutboundOptions(
            tag="out",
            server="127.0.0.1",
            server_port=self.port,
            tls=tls,
            connect_timeout=connect_timeout,
        )

    async def accept(self) -> Channel:
        return await shake_hands(await self.accepted(), server_context())


class KernelTlsServers(TlsServers):
    """The same where OpenSSL reads and writes the sockets itself."""

    name = "kernel_tls"
    half_closes = True
    reset = "server: the connection was reset"
    cut_short = "server: the connection was lost without a TLS close_notify"


class UnixTlsServers(UnixServers):
    """Servers at the end of an outbound ``unix`` with TLS."""

    name = "unix_tls"
    reset = "server: the connection was lost without a TLS close_notify"
    has_resets = hears_resets = True

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        tls = TlsClientOptions(enabled=True, server_name=SERVER_NAME, certificate_path=AUTHORITY)
        return UnixOutboundOptions(
            tag="out", path=self.path, tls=tls, connect_timeout=connect_timeout
        )

    async def accept(self) -> Channel:
        return await shake_hands(await self.accepted(), server_context())


class VsockServers(SocketServers):
    """Servers at the end of an outbound ``vsock``, on this machine. A full backlog refuses."""

    name = "vsock"
    is_seen_to_go = False
    reset = "server closed"
    has_resets = hears_resets = False
    can_keep_waiting = False

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        self.port = free_vsock_port()
        self._begin(case)

    def _begin(self, case: SynchronousTestCase) -> None:
        listening = socket.socket(AF_VSOCK)
        listening.bind((LOCAL_CID, self.port))
        self._listen(case, listening)

    def come_back(self) -> None:
        self._begin(self._case)

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        return VsockOutboundOptions(
            tag="out", cid=LOCAL_CID, port=self.port, connect_timeout=connect_timeout
        )

    def refuse(self) -> str:
        self.listening.close()
        return "Connection refused"


class EndpointUnixServers(UnixServers):
    """Servers at the end of an outbound ``endpoint`` whose string is of a unix socket; Twisted does
    not wait for a full backlog.
    """

    name = "endpoint_unix"
    can_keep_waiting = False

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        return EndpointOutboundOptions(
            tag="out", endpoint=f"unix:{self.path}", connect_timeout=connect_timeout
        )


class EndpointTcpServers(TcpServers):
    """Servers at the end of an outbound ``endpoint`` whose string is of a TCP port."""

    name = "endpoint_tcp"

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        return EndpointOutboundOptions(
            tag="out", endpoint=f"tcp:127.0.0.1:{self.port}", connect_timeout=connect_timeout
        )


async def shake_hands(accepted: socket.socket, context: ssl.SSLContext) -> TlsChannel:
    """Speak TLS, as a server, on a connection that was accepted."""
    wrapped = TlsChannel(accepted, context, None)
    await until(wrapped.shake_hands, "the handshake")
    return wrapped
