"""A client endpoint of Twisted's for a TCP server whose name is looked up by
`pipetwist.network.lookups`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectingCancelledError, ConnectionRefusedError  # noqa: A004 - Twisted's name
from twisted.internet.interfaces import (
    IConnector,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import AnyReactor
from pipetwist.network.lookups import Address, Lookups
from pipetwist.network.resolver import announce

__all__ = ["NamedEndpoint"]


@implementer(IReactorPluggableNameResolver)
class _ResolvedReactor:
    """Wraps a reactor so that its resolver has the addresses already."""

    def __init__(self, reactor: AnyReactor, found: Sequence[Address]) -> None:
        self._reactor = reactor
        self._found = found
        self._refusal: Failure | None = None

    def connectTCP(
        self, host: str, port: int, factory: ClientFactory, *rest: object, **more: object
    ) -> IConnector:
        """See ``IReactorTCP``; remembers a refused connection."""
        tell = factory.clientConnectionFailed

        def failed(connector: IConnector, reason: Failure) -> None:
            if reason.check(ConnectionRefusedError):
                self._refusal = reason
            tell(connector, reason)

        factory.clientConnectionFailed = failed  # type: ignore[method-assign]  # it is this attempt's own
        connector: IConnector = self._reactor.connectTCP(host, port, factory, *rest, **more)
        return connector

    def explained(self, failure: Failure) -> Failure:
        """The failure to report: a refused connection if any address refused, since that is what
        a retry goes by; Twisted reports the last failure.
        """
        return failure if failure.check(ConnectingCancelledError) else self._refusal or failure

    @property
    def nameResolver(self) -> _ResolvedReactor:
        return self

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        before: IHostnameResolver = self._reactor.installNameResolver(resolver)
        return before

    def resolveHostName(
        self,
        receiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        *_: object,
        **__: object,
    ) -> IHostResolution:
        return announce(self._found, receiver, cast("IHostResolution", self))

    def __getattr__(self, name: str) -> Any:  # whatever the reactor has
        return getattr(self._reactor, name)


@implementer(IStreamClientEndpoint)
class NamedEndpoint:
    """Looks the name up, and then connects as ``twisted.internet.endpoints.HostnameEndpoint`` does.

    HostnameEndpoint itself looks names up in the reactor's ten threads, continues to wait for the
    name when it is cancelled, and loses the interface of an address such as ``fe80::1%eth0``.

    Args:
        reactor: connects.
        lookups: looks up.
        host: the server's name or address.
        port: its port.
        timeout: seconds that connecting to one address may take.
    """

    def __init__(
        self, reactor: AnyReactor, lookups: Lookups, host: str, port: int, timeout: float
    ) -> None:
        self._reactor = reactor
        self._lookups = lookups
        self._host = host
        self._port = port
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<NamedEndpoint {self._host} port {self._port}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See ``IStreamClientEndpoint``; also fails if `Lookups.find` does."""
        return self._lookups.find(self._host, self._port).addCallback(
            self._connect, protocolFactory
        )

    def _connect(self, found: Sequence[Address], factory: IProtocolFactory) -> Deferred[IProtocol]:
        # The name has been looked up. This placeholder is never used, and avoids that Twisted
        # refuses an international name.
        reactor = _ResolvedReactor(self._reactor, found)
        endpoint = HostnameEndpoint(reactor, "known", self._port, timeout=self._timeout)
        return endpoint.connect(factory).addErrback(reactor.explained)
