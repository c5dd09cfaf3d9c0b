"""Calls that are answered in steps."""

from __future__ import annotations

import json

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import Logger, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page.document import Steps
from pipetwist.page.reading import DocumentCall, SteppedCall
from pipetwist.web.connection_limit import Connections
from pipetwist.web.site import MonitoringSite, Root
from tests.support.web_client import Client


class DocumentCallTest(SynchronousTestCase):
    """A call that is answered at once."""

    def test_answers(self) -> None:
        """It is answered in JSON that nobody keeps; HEAD without it, which costs no line of the
        log.
        """
        root = Root()
        root.putChild(b"one", DocumentCall(lambda: {"a": 1}))
        client = Client(MonitoringSite(root, [], Clock()))
        with capturedLogs() as events:
            got, head = client.ask("/one"), client.ask("/one", "HEAD")
        self.assertEqual((got.body, got.headers["content-type"]), (b'{"a":1}', "application/json"))
        self.assertEqual(got.headers["cache-control"], "no-store")
        self.assertEqual({**got.headers, "date": ""}, {**head.headers, "date": ""})
        self.assertEqual((head.body, events), (b"", []))


class SteppedCallTest(SynchronousTestCase):
    """One that takes three steps."""

    def setUp(self) -> None:
        """Serve it."""
        self.clock = Clock()
        self.begun: list[tuple[str, ...]] = []
        self.broken = False
        root = Root()
        self.call = SteppedCall(self.clock, Logger(), self.write, filters=True)
        root.putChild(b"names", self.call)
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

    def test_all_left(self) -> None:
        """Of those who leave before their answer is begun nothing is kept, while others ask on."""
        self.ask("/names?filter=first")
        last = self.ask("/names?filter=last")
        for number in range(5):
            client = self.ask(f"/names?filter={number}")
            client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(repr(self.call), "<SteppedCall: 2 wait for 2 answers>")
        self.turns()
        self.assertEqual(self.begun, [("first",), ("last",)])
        self.assertTrue(self.told(last).endswith(b'["last"]'))
        self.assertEqual(repr(self.call), "<SteppedCall: 0 wait for 0 answers>")

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
