"""Who gets a place where all are taken."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import Logger, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pipetwist.descriptors import DescriptorShares
from pipetwist.web.connection_limit import Connections
from pipetwist.web.site import MonitoringSite, Root
from tests.support.web_client import Client


class _Endless(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> Any:
        request.write(b"once")
        return NOT_DONE_YET


class PlacesTest(SynchronousTestCase):
    """A listener with four places."""

    def setUp(self) -> None:
        """Make it."""
        self.clock = Clock()
        root = Root()
        root.putChild(b"endless", _Endless())
        self.logged: list[Any] = []
        self.log = Logger(observer=self.logged.append)  # type: ignore[arg-type]  # a list's append observes well
        self.factory = Connections(MonitoringSite(root, (), self.clock), maximum=4, log=self.log)
        self.addCleanup(self.factory.end_all)

    def come(self, number: int = 1, *, ask: str = "") -> Client:
        """A client, from the address with this number."""
        client = Client(self.factory, IPv4Address("TCP", f"192.0.2.{number}", 1000))
        if ask:
            client.ask(ask)
        return client

    def gone(self, *clients: Client) -> list[bool]:
        """Whose connections were ended."""
        return [client.transport.disconnecting for client in clients]

    def said(self) -> list[str | None]:
        """What was logged."""
        return [formatEvent(event) for event in self.logged]

    def test_idle_ones_make_room(self) -> None:
        """If all connections are in use, the one that is idle longest is closed for a new one."""
        busy = self.come(1, ask="/endless")
        silent = self.come(2)
        silent.send(b"GET / HTTP/1.1\r\n")  # a request that does not end asks for nothing
        others = [self.come(3), self.come(4)]
        self.come(5)
        self.assertEqual(self.gone(busy, silent, *others), [False, True, False, False])
        self.come(6)
        self.assertEqual(self.gone(busy, silent, *others), [False, True, True, False])
        self.assertEqual(
            self.said(),
            [
                (
                    "metrics: all 4 connections are in use: the oldest idle connection was "
                    "closed, from 192.0.2.2"
                )
            ],
        )

    def test_one_address(self) -> None:
        """One address may have half of the connections; more from there do not close those of other
        addresses.
        """
        first, second = self.come(1, ask="/endless"), self.come(1)
        other = self.come(2)
        third = self.come(1, ask="/endless")
        self.assertEqual(self.gone(first, second, other, third), [False, True, False, False])
        self.assertIsNone(self.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1000)))
        self.come(3)
        (said,) = self.said()
        self.assertEqual(
            str(said).split(": "),
            [
                "metrics",
                "192.0.2.1 has 2 connections, as many as one address may have",
                "the oldest idle connection was closed, from 192.0.2.1",
            ],
        )

    def test_few_descriptors(self) -> None:
        """Where descriptors are few there are as many places as there are descriptors for, however
        fast clients come.
        """
        shares = DescriptorShares(64 + 8, self.log)
        shares.divide({"in": 1}, {"out": 1})
        share = shares.monitoring("metrics")
        self.factory = Connections(
            self.factory.wrappedFactory, maximum=100, log=self.log, share=share
        )
        shares.share("in").take(8)
        self.assertEqual(repr(self.factory), "<Connections: 0 of 6>")
        clients = [self.come(number) for number in range(10)]
        self.assertEqual(self.gone(*clients), [True] * 4 + [False] * 6)
        said = (
            "metrics: all 6 connections are in use, as many as there are file descriptors for "
            "(ulimit -n): the oldest "
        )
        self.assertEqual(self.said(), [said + "idle connection was closed, from 192.0.2.0"])
        self.assertEqual(share.used, 10)
        for client in clients:
            client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(share.used, 0)

    def test_left_out(self) -> None:
        """It is reported once a minute, and then how often it was not."""
        for number in range(4):
            self.come(number, ask="/endless")
        for _ in range(3):
            self.come_in_vain()
        self.clock.advance(60)
        self.come_in_vain()
        said = "metrics: all 4 connections are in use: a new one was closed"
        self.assertEqual(self.said(), [said, f"{said}; 2 more like this since the last such line"])

    def come_in_vain(self) -> None:
        """A client that gets no place."""
        self.assertIsNone(self.factory.buildProtocol(IPv4Address("TCP", "192.0.2.9", 1000)))

    def test_all_are_answered(self) -> None:
        """Where everybody is being answered a new one is closed, until somebody has gone."""
        clients = [self.come(number, ask="/endless") for number in range(4)]
        self.assertIsNone(self.factory.buildProtocol(IPv4Address("TCP", "192.0.2.9", 1000)))
        self.assertEqual(
            self.said(), ["metrics: all 4 connections are in use: a new one was closed"]
        )
        clients[0].protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.gone(self.come(9), *clients[1:]), [False] * 4)

    def test_said_once_a_minute(self) -> None:
        """However often it happens, one line a minute says so."""
        for seconds in (0, 1, 58, 1):
            self.clock.advance(seconds)
            for number in range(1, 6):
                self.come(number)
        self.assertEqual(len(self.logged), 2)
