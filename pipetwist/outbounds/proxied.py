"""Outbounds that say who the client is, in a header of the PROXY protocol before everything else.

A header's bytes go past the sides, which count what they deliver: whoever counts them sees none.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from functools import partial
from socket import SocketKind
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from zope.interface import implementer

from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.proxied import HeadedDatagramSocketSide
from pipetwist.datagram.socket_side import DatagramSocketSide
from pipetwist.errors import ConnectError
from pipetwist.interfaces import (
    AnyDeferred,
    AnyFactory,
    AnyProtocol,
    AnyTransport,
    IClient,
    ISide,
)
from pipetwist.kernel.process_side import KernelProcessSide
from pipetwist.kinds.proxy_options import ProxiedDatagramOptions, ProxiedOutboundOptions
from pipetwist.outbounds.client_header import ProxyHeaders
from pipetwist.transfer.socket_state import socket_of

__all__ = [
    "DATAGRAM_HEADER_BYTES",
    "HeadedEndpoint",
    "ProxiedOutbound",
    "headed_datagrams",
    "headed_socket",
    "write_to_command",
]

DATAGRAM_HEADER_BYTES = 52
"""Bytes of the longest header without TLVs, that of IPv6."""

_DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))

_T = TypeVar("_T")


class ProxiedOutbound:
    """An outbound with the keys of the PROXY protocol: an `IClientOutbound` that asks who the
    client is only where that is to be said.
    """

    connect_as: Callable[[IClient], ISide | Deferred[ISide]] | None = None
    """See `IClientOutbound`."""
    headers: ProxyHeaders | None = None
    """What makes its headers; None if it sends none."""

    def use_headers(
        self,
        options: ProxiedOutboundOptions | ProxiedDatagramOptions,
        kind: SocketKind = SocketKind.SOCK_STREAM,
    ) -> None:
        """Send headers, if the configuration says so.

        Args:
            options: what it says.
            kind: streams or datagrams.
        """
        if options.proxy_protocol is not None:
            self.headers = headers = ProxyHeaders(options, kind)
            self.connect_as = lambda client: self.connect_with(headers.of(client))

    def connect(self) -> ISide | Deferred[ISide]:
        """See `IOutbound`: it is not known for whom."""
        return self.connect_with(None if self.headers is None else self.headers.unnamed())

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        """Open one connection, as `connect` does.

        Args:
            header: what is sent first; None for nothing.
        """
        raise NotImplementedError


def headed_socket(
    header: bytes,
    name: str,
    connected: Callable[[socket.SocketType], _T],
    opened: socket.SocketType,
) -> _T:
    """Send a header on a new socket, and make a side of that.

    Args:
        header: the header.
        name: the server, for people.
        connected: makes the side.
        opened: the socket.

    Raises:
        ConnectError: it can't be sent.
    """
    try:
        _send(opened, header)
    except OSError as error:
        opened.close()
        message = f"{name}: the PROXY header can't be sent: {error.strerror}"
        raise ConnectError(message) from error
    return connected(opened)


def headed_datagrams(
    datagram_context: DatagramContext, opened: socket.socket, header: bytes | None
) -> ISide:
    """Make a side of a new datagram socket.

    Args:
        datagram_context: what it works with.
        opened: the socket.
        header: what each datagram begins with; None for nothing.
    """
    side: ISide = (
        DatagramSocketSide(datagram_context, opened)
        if header is None
        else HeadedDatagramSocketSide(datagram_context, opened, header)
    )
    return side


def _send(opened: socket.SocketType, header: bytes) -> None:
    """Send it at once: nothing was sent on this socket before, so that there is room for it."""
    if opened.send(header, _DONT_WAIT) < len(header):
        raise OSError(0, "there is no room for it")


@implementer(IStreamClientEndpoint)
class HeadedEndpoint:
    """An endpoint of Twisted's on whose connections a header comes first.

    Args:
        endpoint: the endpoint.
        header: the header.
    """

    def __init__(self, endpoint: Any, header: bytes) -> None:  # as `Connecting` types it
        self._endpoint = endpoint
        self._header = header

    def connect(self, protocolFactory: AnyFactory) -> AnyDeferred:
        """See ``IStreamClientEndpoint``."""
        connecting: AnyDeferred = self._endpoint.connect(_Headed(protocolFactory, self._header))
        return connecting


class _Headed:
    """A factory whose protocols find the header sent."""

    def __init__(self, factory: AnyFactory, header: bytes) -> None:
        self._factory = factory
        self._header = header

    def __getattr__(self, name: str) -> Any:  # whatever a factory has
        return getattr(self._factory, name)

    def buildProtocol(self, addr: IAddress | None) -> AnyProtocol:
        """Build one."""
        protocol: AnyProtocol = self._factory.buildProtocol(addr)
        if protocol is not None:
            protocol.makeConnection = partial(self._begin, protocol.makeConnection)
        return protocol

    def _begin(
        self, make_connection: Callable[[AnyTransport], None], transport: AnyTransport
    ) -> None:
        opened = socket_of(transport)
        if opened is None:
            transport.write(self._header)
        else:
            try:
                _send(opened, self._header)
            except OSError:  # the transport finds out as well
                transport.abortConnection()
        make_connection(transport)


def write_to_command(header: bytes, side: ISide) -> ISide:
    """Write a header to a command, before anything else. One that has closed its input by then
    ends as it would without that.

    Args:
        header: the header.
        side: the command's side, which nothing was written to before.
    """
    if isinstance(side, KernelProcessSide):
        descriptor = side.writer.descriptor
    else:
        transport: AnyTransport = side.transport  # type: ignore[attr-defined]  # a ProcessSide's
        pipe = getattr(transport, "pipes", {}).get(0)
        if pipe is None:
            transport.write(header)
            return side
        descriptor = pipe.fileno()
    with contextlib.suppress(OSError):
        os.write(descriptor, header)  # it is shorter than PIPE_BUF, and taken whole, pipe(7)
    return side
