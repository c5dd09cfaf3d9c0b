"""Connects sockets to a TCP server, by its name or its address."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, TimeoutError, inlineCallbacks, maybeDeferred  # noqa: A004 - Twisted's name

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.interfaces import InlineCallbacks
from pipetwist.kernel.connector import Watcher, connect_socket
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.network.lookups import Lookups
from pipetwist.outbounds.context import OutboundContext
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.values.addresses import SocketAddress, numeric_address
from pipetwist.values.bind_address import PortAddress

__all__ = ["TcpConnector"]

_T = TypeVar("_T")
_Make = Callable[[socket.SocketType], _T]

# If a name has several addresses, the next one is tried after this time (RFC 8305 recommends 0.25
# s, and to keep waiting for the others).
_NEXT_ADDRESS_SECONDS = 1.0


class TcpConnector:
    """Connects sockets to one server.

    Args:
        context: what the outbound works with.
        lookups: finds the addresses of the server's name.
        server: its name or address, and its port.
        shown: what it is called in errors.
        keep_alive: the connections' keepalive.
        connect_timeout: seconds that connecting may take.
    """

    def __init__(
        self,
        context: OutboundContext,
        lookups: Lookups,
        server: PortAddress,
        shown: str,
        keep_alive: KeepAlive,
        connect_timeout: float,
    ) -> None:
        self._reactor = context.reactor
        self._lookups = lookups
        self._host, self._port = server.host, server.port
        self._numeric = numeric_address(server.host, server.port)
        self._shown = shown
        self._keep_alive = keep_alive
        self._connect_timeout = connect_timeout
        self.watcher: Watcher = (
            ReactorWatcher(context.reactor) if context.kernel is None else context.kernel.poller
        )
        """Tells of the sockets' events."""

    def __repr__(self) -> str:
        return f"<TcpConnector {self._shown}>"

    def open(self, make: _Make[_T]) -> _T | Deferred[_T]:
        """Connect a socket, and make something of it.

        Args:
            make: is called with the connected socket, which does not block.

        Returns:
            What that returns, or a Deferred of it, which fails with ConnectError.
        """
        if self._numeric is not None:
            return self._connect_address(*self._numeric, make)
        return self._connect_name(make)

    @inlineCallbacks
    def _connect_name(self, make: _Make[_T]) -> InlineCallbacks[_T]:
        found = yield self._lookups.find(self._host, self._port)
        *earlier, (family, last) = found
        refusal: NobodyListensError | None = None
        for family_before, address in earlier:
            # An address that does not answer must leave time for the others.
            attempt = maybeDeferred(self._connect_address, family_before, address, make)
            try:
                made: _T = yield attempt.addTimeout(
                    min(_NEXT_ADDRESS_SECONDS, self._connect_timeout / len(found)), self._reactor
                )
            except NobodyListensError as error:
                refusal = error
            except (ConnectError, TimeoutError):
                pass
            else:
                return made
        try:
            made = yield maybeDeferred(self._connect_address, family, last, make)
        except ConnectError as error:
            # A retry depends on the refused connection.
            raise refusal or error from None
        return made

    def _connect_address(
        self, family: int, address: SocketAddress, make: _Make[_T]
    ) -> _T | Deferred[_T]:
        def connected(opened: socket.SocketType) -> _T:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._keep_alive.set_on_new(opened)
            return make(opened)

        return connect_socket(self._reactor, self.watcher, family, address, self._shown, connected)
