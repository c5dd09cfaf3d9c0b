"""Who makes a call. gRPC sees only the connections of the frontend; each of them has a name of its
own, which tells which client it belongs to.

The names are abstract ones of Linux that the kernel chooses (autobind, unix(7)): no two sockets
have the same, and gRPC says it of each call.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from zope.interface import implementer

from pipetwist.interfaces import AnyReactor, AnyTransport

__all__ = ["Callers", "NamedEndpoint"]

_PREFIX = "unix-abstract:"  # of gRPC (grpc/doc/naming.md)


class Callers:
    """Knows who the connected clients are.

    Args:
        identify: says who the client on a transport is. It raises
            `pipetwist.api.frames.RefusedError` for one that may not call.
    """

    def __init__(self, identify: Callable[[AnyTransport], str]) -> None:
        self.identify = identify
        self._known: dict[str, str] = {}
        # A transport that is lost has no name any more.
        self._names: dict[AnyTransport, str] = {}

    def __repr__(self) -> str:
        return f"<Callers: {len(self._known)}>"

    def came(self, inner: AnyTransport, who: str) -> None:
        """A client is connected to gRPC by this transport."""
        name = self._names[inner] = _name(inner)
        self._known[name] = who

    def left(self, inner: AnyTransport) -> None:
        """It was lost."""
        name = self._names.pop(inner, None)
        if name is not None:
            self._known.pop(name, None)

    def who(self, peer: str) -> str | None:
        """Who makes a call; None if that is not known. May be called from any thread.

        Args:
            peer: what gRPC says of it.
        """
        return self._known.get(peer)


@implementer(IStreamClientEndpoint)
class NamedEndpoint:
    """Connects to a unix socket, from a socket that has a name. Linux only.

    Args:
        reactor: has the connections.
        path: the socket's.
    """

    def __init__(self, reactor: AnyReactor, path: str) -> None:
        self._reactor = reactor
        self._path = path

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect. A unix socket does so at once, or not at all."""
        return execute(self._connect, protocolFactory)

    def _connect(self, factory: IProtocolFactory) -> IProtocol:
        with closing(socket.socket(socket.AF_UNIX)) as connected:
            connected.setblocking(False)
            connected.bind("")
            connected.connect(os.fsencode(self._path))
            protocol: Any = factory.buildProtocol(UNIXAddress(self._path))  # Any: not None here
            adopting = Factory.forProtocol(lambda: protocol)
            adopting.noisy = False
            # The reactor duplicates the descriptor.
            self._reactor.adoptStreamConnection(connected.fileno(), socket.AF_UNIX, adopting)
        connected_protocol: IProtocol = protocol
        return connected_protocol


def _name(inner: AnyTransport) -> str:
    name = os.fsdecode(inner.getHost().name)
    return f"{_PREFIX}{name.removeprefix(chr(0))}"
