"""Endpoints of Twisted's that listen at a name."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorSSL, IReactorTCP, IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementedBy
from zope.interface.verify import verifyObject

from pipetwist.errors import StartError
from pipetwist.network.lookups import Address
from pipetwist.network.named_listening import KnowingReactor, NamedServerEndpoint

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
        """Where the name has no address nothing listens, and why is told."""
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
        self.reactor.known["relay"] = "127.0.0.3"
        self.reactor.listenSSL(443, Factory(), None, interface="relay")
        self.assertEqual(self.memory.sslServers[0][4], "127.0.0.3")
