"""Twisted endpoints that bind to a name, to listen there or to connect from there, without blocking
the reactor's thread for the look-up.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from pipetwist.interfaces import AnyFactory, AnyPort, AnyReactor
from pipetwist.network.lookups import Address

__all__ = ["BoundClientEndpoint", "KnowingReactor", "NamedServerEndpoint"]


class _UnknownNameError(Exception):
    """A socket should be bound to a name whose addresses are not known."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class KnowingReactor:
    """Wraps a reactor so that TCP sockets are never bound to a name: the system would look it up,
    and block the reactor.

    Everything else is passed to the reactor.

    Args:
        reactor: the reactor.
    """

    def __init__(self, reactor: AnyReactor) -> None:
        self._reactor = reactor
        self.known: dict[str, list[Address]] = {}
        """The addresses of each name."""
        directlyProvides(self, providedBy(reactor))

    def __repr__(self) -> str:
        return f"<KnowingReactor {self.known} of {self._reactor!r}>"

    def __getattr__(self, name: str) -> Any:  # whatever the reactor has
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: AnyFactory, backlog: int = 50, interface: str = ""
    ) -> AnyPort:
        return self._reactor.listenTCP(
            port, factory, backlog=backlog, interface=self._address(interface)
        )

    def listenSSL(
        self,
        port: int,
        factory: AnyFactory,
        contextFactory: object,
        backlog: int = 50,
        interface: str = "",
    ) -> AnyPort:
        return self._reactor.listenSSL(
            port, factory, contextFactory, backlog=backlog, interface=self._address(interface)
        )

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: AnyFactory,
        timeout: float = 30,
        bindAddress: object = None,
    ) -> object:
        return self._reactor.connectTCP(
            host, port, factory, timeout=timeout, bindAddress=self._source(bindAddress, host)
        )

    def connectSSL(
        self,
        host: str,
        port: int,
        factory: AnyFactory,
        contextFactory: object,
        timeout: float = 30,
        bindAddress: object = None,
    ) -> object:
        bound = self._source(bindAddress, host)
        return self._reactor.connectSSL(
            host, port, factory, contextFactory, timeout=timeout, bindAddress=bound
        )

    def _source(self, bound: object, host: str) -> object:
        if not isinstance(bound, tuple):
            return bound
        family = socket.AF_INET6 if isIPv6Address(host) else socket.AF_INET
        return (self._address(bound[0], family), *bound[1:])

    def _address(self, name: str, family: int = socket.AF_INET) -> str:
        if not name or isIPAddress(name) or isIPv6Address(name):
            return name
        if name not in self.known:
            raise _UnknownNameError(name)
        # As a bind to a name would, which knows the socket's family alone, and that is IPv4 where a
        # name is listened at; a name that has none of it is better than nothing.
        _, address = min(self.known[name], key=lambda each: each[0] != family)
        return str(address[0])


@implementer(IStreamServerEndpoint)
class NamedServerEndpoint:
    """Listens on an endpoint; if that listens on a name, it is looked up first.

    Args:
        endpoint: the endpoint, which listens with the reactor.
        reactor: the reactor.
        find: looks a name up.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        reactor: KnowingReactor,
        find: Callable[[str], Deferred[list[Address]]],
    ) -> None:
        self._endpoint = endpoint
        self._reactor = reactor
        self._find = find

    def __repr__(self) -> str:
        return f"<NamedServerEndpoint {self._endpoint!r}>"

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See ``IStreamServerEndpoint``; also fails if the look-up fails."""
        return maybeDeferred(self._endpoint.listen, protocolFactory).addErrback(
            self._look_up, protocolFactory
        )

    def _look_up(self, failure: Failure, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        name = _unknown_name(failure)

        def found(addresses: list[Address]) -> Deferred[IListeningPort]:
            self._reactor.known[name] = addresses
            return self._endpoint.listen(factory)

        return self._find(name).addCallback(found)


@implementer(IStreamClientEndpoint)
class BoundClientEndpoint:
    """Connects an endpoint; if that binds to a name before it connects, the name is looked up for
    each connection, since its address may change.

    Args:
        endpoint: the endpoint, which connects with the reactor.
        reactor: the reactor.
        find: looks a name up.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        reactor: KnowingReactor,
        find: Callable[[str], Deferred[list[Address]]],
    ) -> None:
        self._endpoint = endpoint
        self._reactor = reactor
        self._find = find
        self._name: str | None = None

    def __repr__(self) -> str:
        return f"<BoundClientEndpoint {self._endpoint!r} from {self._name}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See ``IStreamClientEndpoint``; also fails if the look-up fails."""
        if self._name is not None:
            return self._look_up(self._name, protocolFactory)
        return maybeDeferred(self._endpoint.connect, protocolFactory).addErrback(
            self._learn, protocolFactory
        )

    def _learn(self, failure: Failure, factory: IProtocolFactory) -> Deferred[IProtocol]:
        # An endpoint string can have only one such name.
        self._name = _unknown_name(failure)
        return self._look_up(self._name, factory)

    def _look_up(self, name: str, factory: IProtocolFactory) -> Deferred[IProtocol]:
        def found(addresses: list[Address]) -> Deferred[IProtocol]:
            self._reactor.known[name] = addresses
            return self._endpoint.connect(factory)

        return self._find(name).addCallback(found)


def _unknown_name(failure: Failure) -> str:
    """The name that a failure is about; any other failure is raised."""
    failure.trap(_UnknownNameError)
    return cast("_UnknownNameError", failure.value).name
