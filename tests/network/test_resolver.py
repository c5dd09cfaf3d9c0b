"""The look-ups for Twisted's endpoints: as the reactor's name resolver, and for an endpoint of our
own.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet._resolver import ComplexResolverSimplifier
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionRefusedError,  # noqa: A004 - Twisted's name
    NoRouteError,
)
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, NameTimeoutError
from pipetwist.network.lookups import Lookups
from pipetwist.network.named_endpoint import NamedEndpoint
from pipetwist.network.resolver import NameResolver

_FOUND = [
    (socket.AF_INET6, ("fe80::1", 80, 0, 3)),
    (socket.AF_INET, ("192.0.2.1", 80)),
    (socket.AF_INET6, ("::1", 80, 0, 0)),
]


class _Lookups:
    """Finds what the test says."""

    found: Deferred[Any]

    def find(self, host: str, port: int) -> Deferred[Any]:
        self.asked = (host, port)
        return self.found


def _lookups() -> Any:
    return _Lookups()


@implementer(IResolutionReceiver)
class _Receiver:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.complete = False

    def resolutionBegan(self, resolutionInProgress: Any) -> None:
        verifyObject(IHostResolution, resolutionInProgress)
        self.name = resolutionInProgress.name

    def addressResolved(self, address: Any) -> None:
        self.told.append(address)

    def resolutionComplete(self) -> None:
        self.complete = True


class NameResolverTest(SynchronousTestCase):
    """As the reactor's name resolver."""

    def setUp(self) -> None:
        """Make it."""
        self.lookups = _lookups()
        self.resolver = NameResolver(self.lookups)
        self.receiver = _Receiver()

    def test_addresses(self) -> None:
        """An endpoint of Twisted's gets every address, with the interface where there is one."""
        verifyObject(IHostnameResolver, self.resolver)
        self.lookups.found = Deferred()
        self.resolver.resolveHostName(self.receiver, "relay", 80)
        self.assertEqual(
            (self.lookups.asked, self.receiver.told, self.receiver.complete),
            (("relay", 80), [], False),
        )
        self.lookups.found.callback(_FOUND)
        self.assertEqual(
            self.receiver.told,
            [
                IPv6Address("TCP", "fe80::1%3", 80),
                IPv4Address("TCP", "192.0.2.1", 80),
                IPv6Address("TCP", "::1", 80),
            ],
        )
        self.assertEqual((self.receiver.name, self.receiver.complete), ("relay", True))

    def test_kinds(self) -> None:
        """A caller that asks for addresses of a family gets these."""
        self.lookups.found = succeed(_FOUND)
        self.resolver.resolveHostName(self.receiver, "relay", 80, [IPv4Address], "UDP")
        self.assertEqual(self.receiver.told, [IPv4Address("UDP", "192.0.2.1", 80)])

    def test_unknown(self) -> None:
        """A name that nobody knows has no addresses."""
        self.lookups.found = fail(ConnectError("nowhere: Name or service not known"))
        self.resolver.resolveHostName(self.receiver, "nowhere")
        self.assertEqual((self.receiver.told, self.receiver.complete), ([], True))

    def test_cancelled(self) -> None:
        """A cancelled resolution is complete immediately."""
        lookups = Lookups(None, start_thread=lambda run: None)
        NameResolver(lookups).resolveHostName(self.receiver, "dead").cancel()
        self.assertTrue(self.receiver.complete)
        self.assertEqual(lookups._running, {"dead": {}})

    def test_old_interface(self) -> None:
        """Parts of Twisted that ask the reactor for one IPv4 address get one."""
        self.lookups.found = succeed(_FOUND)
        self.assertEqual(
            self.successResultOf(ComplexResolverSimplifier(self.resolver).getHostByName("relay")),
            "192.0.2.1",
        )


class NamedEndpointTest(SynchronousTestCase):
    """An endpoint for a TCP server's name."""

    def setUp(self) -> None:
        """Make it, of a name that is not looked up yet."""
        self.reactor = MemoryReactorClock()
        self.lookups = _lookups()
        self.lookups.found = Deferred()
        self.endpoint = NamedEndpoint(self.reactor, self.lookups, "server.example", 80, 5)

    def hosts(self) -> list[str]:
        """What was connected to so far."""
        self.reactor.advance(0)
        return [client[0] for client in self.reactor.tcpClients]

    def test_addresses(self) -> None:
        """The addresses are tried one beside the other, as Twisted does it, and an interface is not
        lost.
        """
        verifyObject(IStreamClientEndpoint, self.endpoint)
        self.endpoint.connect(Factory.forProtocol(Protocol))
        self.assertEqual(self.hosts(), [])
        self.lookups.found.callback(_FOUND)
        self.assertEqual(self.hosts(), ["fe80::1%3"])
        self.reactor.pump([0.3] * 2)
        self.assertEqual(self.hosts(), ["fe80::1%3", "192.0.2.1", "::1"])
        self.assertEqual([client[1] for client in self.reactor.tcpClients], [80] * 3)

    def test_unknown(self) -> None:
        """If the name can't be resolved, that is reported with the system's word."""
        connecting = self.endpoint.connect(Factory.forProtocol(Protocol))
        self.lookups.found.errback(ConnectError("server.example: Name or service not known"))
        self.assertEqual(
            str(self.failureResultOf(connecting, ConnectError).value),
            "server.example: Name or service not known",
        )

    def test_cancelled(self) -> None:
        """An attempt that is cancelled while the name is looked up stops waiting, and fails with an
        error that it was the name.
        """
        lookups = Lookups(None, start_thread=lambda run: None)
        connecting = NamedEndpoint(self.reactor, lookups, "dead", 80, 5).connect(
            Factory.forProtocol(Protocol)
        )
        connecting.cancel()
        self.failureResultOf(connecting, NameTimeoutError)
        self.assertEqual(lookups._running, {"dead": {}})

    def fail_with(self, number: int, error: Exception) -> None:
        """This one of those that were connected to can't be."""
        factory: Any = self.reactor.tcpClients[number][2]
        factory.clientConnectionFailed(None, Failure(error))

    def test_one_refuses(self) -> None:
        """If no address can be connected and one of them refuses, that is why: Twisted itself tells
        of the last.
        """
        connecting = self.endpoint.connect(Factory.forProtocol(Protocol))
        self.lookups.found.callback(_FOUND)
        refused = ConnectionRefusedError()
        for number, error in enumerate((NoRouteError(), refused, NoRouteError())):
            self.reactor.pump([0.3] * (number > 0))
            self.reactor.advance(0)
            self.fail_with(number, error)
        self.reactor.advance(0.3)
        self.assertIs(self.failureResultOf(connecting).value, refused)

    def test_given_up(self) -> None:
        """A cancelled attempt fails as cancelled, even if one address was refused before."""
        connecting = self.endpoint.connect(Factory.forProtocol(Protocol))
        self.lookups.found.callback(_FOUND)
        self.reactor.advance(0)
        self.fail_with(0, ConnectionRefusedError())
        connecting.cancel()
        self.failureResultOf(connecting, ConnectingCancelledError)

    def test_shown(self) -> None:
        """It shows where it leads."""
        self.assertEqual(repr(self.endpoint), "<NamedEndpoint server.example port 80>")
