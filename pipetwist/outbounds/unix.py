"""The outbound ``unix``."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.errors import ConnectError, StartError
from pipetwist.files import KnownFiles
from pipetwist.interfaces import IClient, IClientOutbound, ISide
from pipetwist.kernel.connector import connect_socket
from pipetwist.kernel.passing_side import PassingSide
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kinds.outbound_options import (
    OutboundOptions,
    RetriedOutboundOptions,
    TlsClientOptions,
)
from pipetwist.kinds.proxy_options import ProxiedOutboundOptions
from pipetwist.kinds.unix_options import PassingOptions, UnixKindOptions
from pipetwist.network.effective_ids import why_impossible
from pipetwist.outbounds.as_client import ClientConnector, ids_of
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.handshake import socket_over_tls
from pipetwist.outbounds.proxied import ProxiedOutbound, headed_socket
from pipetwist.outbounds.tls_options import read_tls
from pipetwist.outbounds.tls_side import tls_side
from pipetwist.tls.connector import ConnectorTls
from pipetwist.transfer.adoption import adopted_side
from pipetwist.values import UnixPath, unix_sockaddr
from pipetwist.values.tls_options import in_use

__all__ = ["UnixOutbound", "UnixOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UnixOutboundOptions(
    PassingOptions, UnixKindOptions, ProxiedOutboundOptions, RetriedOutboundOptions
):
    """An outbound to a unix domain socket."""

    type: Literal["unix"] = "unix"
    """Always ``unix``."""
    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""
    credentials: Literal["client"] | None = None
    """``"client"`` to connect as the client, with its uid, gid and groups, which the server is told
    then; the daemon must be root, and stay it. As the daemon where absent.
    """

    tls: TlsClientOptions | None = None
    """TLS, which needs a ``server_name``; without it the bytes are plain."""

    def __post_init__(self) -> None:
        """Refuse TLS without a name: a path is none."""
        super().__post_init__()
        tls = in_use(self.tls)
        if tls is not None and tls.server_name is None:
            message = (
                "tls has no server_name; write the name that the server's certificate has, since "
                "none can be for a path"
            )
            raise ValueError(message)

    @property
    def speaks_tls(self) -> bool:
        """Whether its connections use TLS."""
        return in_use(self.tls) is not None

    @property
    def lends_rights(self) -> bool:
        # SO_PEERCRED is of who has connected, which is the daemon, unix(7)
        return self.credentials is None

    @classmethod
    def needs_unix(cls, written: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        if written.get("credentials") is not None:
            yield "credentials", "the system says only of a unix socket's client who it is"
        yield from super().needs_unix(written)

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform not in ("linux", "win32") and written.get("credentials") is not None:
            # There every thread of a process is the same user.
            yield "credentials", "only Linux can connect as the client; leave the key out"
        yield from super().lacking(written, platform)

    def check_here(self) -> None:
        self.check_user()
        self.read_tls()

    def read_tls(self, files: KnownFiles | None = None) -> ConnectorTls | None:
        """Read the certificates that the server's is checked against; None if it does not use TLS.

        Args:
            files: reads them, and only if they have changed; if None, they are read in any case.

        Raises:
            StartError: one can't be used.
        """
        return read_tls(self.label, self.tls, "", files)

    def check_user(self) -> None:
        if self.credentials is None:
            return
        why = why_impossible()
        if why is None and os.geteuid() != 0:
            why = "only root can connect as the client; leave out --uid, or credentials"
        if why is not None:
            message = f"{self.label}: credentials: {why}"
            raise StartError(message)


@implementer(IClientOutbound)
class UnixOutbound(ProxiedOutbound):
    """Connects a unix domain socket for each connection.

    Args:
        options: what the configuration says.
        context: what it works with; its reactor adopts sockets.

    Raises:
        StartError: it is to connect as its clients, which this process can't; or the CA's file
            can't be used.
    """

    Options: ClassVar[type[OutboundOptions]] = UnixOutboundOptions

    def __init__(self, options: UnixOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self.half_close = options.half_close
        self.connect_retry = options.connect_retry
        self.max_datagram_bytes = None if options.framing is None else MAX_FRAMED_BYTES
        self._path = options.path
        self._address = unix_sockaddr(options.path)
        self._context = context
        self._tls = options.read_tls(context.files)
        self.in_kernel = context.kernel is not None
        self.passes_descriptors = options.pass_descriptors
        if options.pass_descriptors and context.kernel is None:
            message = (
                f"{options.label}: pass_descriptors: the kernel must move the bytes; use Twisted's "
                'reactor epoll, and no "transfer": "stream"'
            )
            raise StartError(message)
        self.use_headers(options)
        if options.credentials is not None:
            options.check_user()
            self._connector = ClientConnector(context.reactor, context.failed)
            self.connect_as = self._connect_as
        self._as_client = options.credentials is not None

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        if self._as_client:
            return fail(ConnectError("credentials: it is not known who the client is"))
        poller = None if self._context.kernel is None else self._context.kernel.poller
        connecting = connect_socket(
            self._context.reactor,
            poller,
            socket.AF_UNIX,
            self._address,
            self._path,
            self._side if header is None else self._after(header),
        )
        return self._framed(connecting)

    def _connect_as(self, client: IClient) -> ISide | Deferred[ISide]:
        ids = ids_of(client.side)
        side = self._side if self.headers is None else self._after(self.headers.of(client))
        return self._framed(self._connector.connect(ids, self._address, self._path, side))

    def _framed(self, connecting: ISide | Deferred[ISide]) -> ISide | Deferred[ISide]:
        return connecting if self.max_datagram_bytes is None else frame_connection(connecting)

    def _after(self, header: bytes) -> Callable[[socket.SocketType], ISide | Deferred[ISide]]:
        return partial(headed_socket, header, self._path, self._side)

    def _side(self, connected: socket.SocketType) -> ISide | Deferred[ISide]:
        kernel = self._context.kernel
        if self._tls is not None:
            if kernel is None:
                return socket_over_tls(connected, self._tls, self._path, self._context)
            return tls_side(kernel, connected, self._tls, self._path)
        if kernel is not None:
            if self.passes_descriptors:
                return PassingSide(kernel, connected)
            return SocketSide(kernel, connected)
        return adopted_side(self._context.reactor, self._context.peer_close_watch, connected)
