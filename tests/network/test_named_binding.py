"""Endpoints of Twisted's that listen at a name, or connect from one."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IReactorSSL, IReactorTCP, IReactorTime
from twisted.internet.protocol import ClientFactory, Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementedBy
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, StartError
from pipetwist.network.lookups import Address
from pipetwist.network.named_binding import BoundClientEndpoint, KnowingReactor, NamedServerEndpoint

_V4: Address = (int(socket.AF_INET), ("127.0.0.2", 0))
_V6: Address = (int(socket.AF_INET6), ("::1", 0, 0, 0))


class NamedListeningTest(SynchronousTestCase):
    """On a reactor that notes where it is to listen."""

    def setUp(self) -> None:
        """Make the reactor."""
        self.memory = MemoryReactorClock()
        self.reactor = KnowingReactor(self.memory)
        self.asked: list[str] = []

    def listen(self, endpoint: str, found: Deferred[Any]) -> Deferred[Any]:
        """Listen by an endpoint string, with what looking its name up comes to."""

        def find(name: str) -> Deferred[Any]:
            self.asked.append(name)
            return found

        return NamedServerEndpoint(
            serverFromString(self.reactor, endpoint), self.reactor, find
        ).listen(Factory())

    def interfaces(self) -> list[str]:
        """Where the reactor listens."""
        return [server[3] for server in self.memory.tcpServers]

    def test_name(self) -> None:
        """A name is looked up before anything listens, and then listened at by its address, that of
        IPv4 where it has one.
        """
        found: Deferred[Any] = Deferred()
        listening = self.listen("tcp:80:interface=relay", found)
        self.assertNoResult(listening)
        self.assertEqual((self.asked, self.interfaces()), (["relay"], []))
        found.callback([_V6, _V4])
        self.successResultOf(listening)
        self.assertEqual(self.interfaces(), ["127.0.0.2"])

    def test_sixth_version(self) -> None:
        """A name that has an address of IPv6 alone is listened at by that."""
        self.successResultOf(self.listen("tcp:80:interface=relay", succeed([_V6])))
        self.assertEqual(self.interfaces(), ["::1"])

    def test_addresses(self) -> None:
        """An address, and every address, are listened at as they are written."""
        for text in ("tcp:80", r"tcp6:80:interface=\:\:1", "tcp:80:interface=127.0.0.1"):
            self.successResultOf(self.listen(text, Deferred()))
        self.assertEqual((self.asked, self.interfaces()), ([], ["", "::1", "127.0.0.1"]))

    def test_no_address(self) -> None:
        """Where the name has no address nothing listens, and why is reported."""
        failure = self.failureResultOf(
            self.listen("tcp:80:interface=relay", fail(StartError("inbound in: no address"))),
            StartError,
        )
        self.assertEqual((str(failure.value), self.interfaces()), ("inbound in: no address", []))

    def test_still_a_reactor(self) -> None:
        """An endpoint of somebody else's finds in it what its reactor can, whoever has asked before
        what its class implements.
        """
        implementedBy(KnowingReactor)
        for interface in (IReactorTCP, IReactorSSL, IReactorTime):
            verifyObject(interface, self.reactor)
        self.reactor.known["relay"] = [(int(socket.AF_INET), ("127.0.0.3", 0))]
        self.reactor.listenSSL(443, Factory(), None, interface="relay")
        self.assertEqual(self.memory.sslServers[0][4], "127.0.0.3")


class BoundConnectingTest(SynchronousTestCase):
    """On a reactor that notes where it is to connect from."""

    def setUp(self) -> None:
        """Make the reactor."""
        self.memory = MemoryReactorClock()
        self.found: list[Deferred[Any]] = []

    def endpoint(self, text: str) -> BoundClientEndpoint:
        """An endpoint by its string; what its name is looked up for waits in ``found``."""

        def find(name: str) -> Deferred[Any]:
            self.assertEqual(name, "relay")
            self.found.append(Deferred())
            return self.found[-1]

        reactor = KnowingReactor(self.memory)
        return BoundClientEndpoint(clientFromString(reactor, text), reactor, find)

    def sources(self) -> list[Any]:
        """Where the reactor connects from."""
        return [client[4] for client in self.memory.tcpClients]

    def test_name(self) -> None:
        """Nothing connects before the name is looked up, which is done again for the next."""
        endpoint = self.endpoint("tcp:192.0.2.1:80:bindAddress=relay")
        for number, here in enumerate(("127.0.0.2", "127.0.0.3")):
            self.assertNoResult(endpoint.connect(Factory()))
            self.assertEqual((len(self.found), len(self.sources())), (number + 1, number))
            self.found[number].callback([_V6, (int(socket.AF_INET), (here, 0))])
        self.assertEqual(self.sources(), [("127.0.0.2", 0), ("127.0.0.3", 0)])

    def test_sixth_version(self) -> None:
        """A server of IPv6 is connected to from the name's address of IPv6."""
        self.endpoint(r"tcp:\:\:1:80:bindAddress=relay").connect(Factory())
        self.found[0].callback([_V4, _V6])
        self.assertEqual(self.sources(), [("::1", 0)])

    def test_tls(self) -> None:
        """A connection of TLS is made from the name's address too."""
        reactor = KnowingReactor(self.memory)
        reactor.known["relay"] = [_V4]
        reactor.connectSSL("192.0.2.1", 443, ClientFactory(), None, bindAddress=("relay", 0))
        self.assertEqual(self.memory.sslClients[0][5], ("127.0.0.2", 0))

    def test_addresses(self) -> None:
        """An address, and none, are taken as they are written."""
        for text in ("tcp:192.0.2.1:80", "tcp:192.0.2.1:80:bindAddress=127.0.0.1"):
            self.endpoint(text).connect(Factory())
        self.assertEqual((self.found, self.sources()), ([], [None, ("127.0.0.1", 0)]))

    def test_no_address(self) -> None:
        """If the name has no address nothing connects, and why is reported."""
        connecting = self.endpoint("tcp:192.0.2.1:80:bindAddress=relay").connect(Factory())
        self.found[0].errback(ConnectError("relay: no address"))
        self.assertEqual(
            (str(self.failureResultOf(connecting, ConnectError).value), self.sources()),
            ("relay: no address", []),
        )
