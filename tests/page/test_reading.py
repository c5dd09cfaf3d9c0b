"""Calls that are answered in steps."""

from __future__ import annotations

import json

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page.document import Steps
from pipetwist.page.reading import SteppedCall
from pipetwist.web.connection_limit import Connections
from pipetwist.web.site import MonitoringSite, Root
from tests.support.web_client import Client


class SteppedCallTest(SynchronousTestCase):
    """One that takes three steps."""

    def setUp(self) -> None:
        """Serve it."""
        self.clock = Clock()
        self.begun: list[tuple[str, ...]] = []
        self.broken = False
        root = Root()
        call = SteppedCall(self.clock, Logger(), self.write, filters=True)
        root.putChild(b"names", call)
        self.factory = Connections(MonitoringSite(root, [], self.clock))

    def write(self, words: tuple[str, ...]) -> Steps:
        """Write what was asked."""
        self.begun.append(words)
        yield
        if self.broken:
            message = "broken"
            raise LookupError(message)
        yield
        return json.dumps(words).encode()

    def ask(self, path: str = "/names") -> Client:
        """Somebody asks."""
        client = Client(self.factory)
        client.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return client

    def told(self, client: Client) -> bytes:
        """What it has been answered."""
        return bytes(client.transport.value())

    def turns(self) -> None:
        """Let the reactor turn until nothing is to be done."""
        self.clock.advance(0)

    def test_together(self) -> None:
        """Who asks while an answer is written gets that one, as JSON that nobody keeps."""
        first = self.ask()
        second = self.ask()
        self.turns()
        self.assertEqual(self.begun, [()])
        for client in (first, second):
            self.assertIn(b"Content-Type: application/json", self.told(client))
            self.assertIn(b"Cache-Control: no-store", self.told(client))
            self.assertTrue(self.told(client).endswith(b"\r\n\r\n[]"))

    def test_one_at_a_time(self) -> None:
        """Who asks for something else waits until that is written."""
        self.ask("/names?filter=Alice")
        second = self.ask("/names?filter=bob+b")
        self.assertEqual(self.begun, [("alice",)])
        self.turns()
        self.assertEqual(self.begun, [("alice",), ("bob", "b")])
        self.assertTrue(self.told(second).endswith(b'["bob", "b"]'))

    def test_left(self) -> None:
        """Who leaves meanwhile is answered nothing, and another one is."""
        first, second = self.ask(), self.ask()
        first.transport.loseConnection()
        first.protocol.connectionLost(Failure(ConnectionDone()))
        self.turns()
        self.assertEqual(self.told(first), b"")
        self.assertIn(b"200 OK", self.told(second))

    def test_broken(self) -> None:
        """What goes wrong is logged, and told to who asks; the next one is answered."""
        self.broken = True
        client = self.ask()
        self.turns()
        self.assertIn(b"503", self.told(client))
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)
        self.broken = False
        again = self.ask()
        self.turns()
        self.assertIn(b"200 OK", self.told(again))

    def test_mistake(self) -> None:
        """A wrong argument is said so."""
        for path in ("/names?sort=x", "/names?filter=a&filter=b"):
            self.assertIn(b"400", self.told(self.ask(path)))
        self.assertEqual(self.begun, [])
