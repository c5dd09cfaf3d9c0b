"""Listening at a name by an endpoint of Twisted's, without the reactor's thread waiting for the
name.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from pipetwist.interfaces import AnyReactor
from pipetwist.network.lookups import Address

__all__ = ["KnowingReactor", "NamedServerEndpoint"]


class _UnknownNameError(Exception):
    """A port is to be opened at a name whose addresses are not known."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class KnowingReactor:
    """A reactor whose TCP ports are never bound to a name: the system would look it up, and the
    reactor wait for that.

    It is its reactor in everything else.

    Args:
        reactor: the reactor.
    """

    def __init__(self, reactor: AnyReactor) -> None:
        self._reactor = reactor
        self.known: dict[str, str] = {}
        """The address of each name."""
        directlyProvides(self, providedBy(reactor))

    def __repr__(self) -> str:
        return f"<KnowingReactor {self.known} of {self._reactor!r}>"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        return self._reactor.listenTCP(
            port, factory, backlog=backlog, interface=self._address(interface)
        )

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        return self._reactor.listenSSL(
            port, factory, contextFactory, backlog=backlog, interface=self._address(interface)
        )

    def _address(self, interface: str) -> str:
        if not interface or isIPAddress(interface) or isIPv6Address(interface):
            return interface
        if interface not in self.known:
            raise _UnknownNameError(interface)
        return self.known[interface]


@implementer(IStreamServerEndpoint)
class NamedServerEndpoint:
    """Listens on an endpoint, and where that wants to listen at a name looks it up first.

    Args:
        endpoint: the endpoint, which listens with the reactor.
        reactor: the reactor.
        find: looks a name up.
    """

    def __init__(
        self, endpoint: Any, reactor: KnowingReactor, find: Callable[[str], Deferred[list[Address]]]
    ) -> None:
        self._endpoint = endpoint
        self._reactor = reactor
        self._find = find

    def __repr__(self) -> str:
        return f"<NamedServerEndpoint {self._endpoint!r}>"

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See ``IStreamServerEndpoint``; it also fails with what looking up does."""
        return maybeDeferred(self._endpoint.listen, protocolFactory).addErrback(
            self._look_up, protocolFactory
        )

    def _look_up(self, failure: Failure, factory: IProtocolFactory) -> Deferred[Any]:
        failure.trap(_UnknownNameError)
        unknown: Any = failure.value
        name: str = unknown.name

        def found(addresses: list[Address]) -> Any:
            # As a bind to a name would, which knows IPv4 alone; a name that has none is better than
            # nothing.
            (_, address) = min(addresses, key=lambda each: each[0] != socket.AF_INET)
            self._reactor.known[name] = address[0]
            return self._endpoint.listen(factory)

        return self._find(name).addCallback(found)
