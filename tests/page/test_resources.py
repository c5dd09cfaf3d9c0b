"""The page's files and calls, asked over HTTP in memory."""

from __future__ import annotations

import json
import re
from pathlib import Path

from twisted.internet.error import ConnectionDone
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

import pipetwist.page
from pipetwist.page import feed as feed_module
from pipetwist.page.feed import Feed
from pipetwist.page.resources import ASSETS, page_resources
from pipetwist.web.answers import HEADERS
from pipetwist.web.connection_limit import Connections
from pipetwist.web.site import MonitoringSite, Root
from tests.support.pretended_relay import PretendedRelay
from tests.support.web_client import Client

_FOLDER = Path(pipetwist.page.__file__).parent / "assets"


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        """Serve the page of a relay that carries nothing."""
        self.relay = PretendedRelay(connections=5)
        self.feed = Feed(
            self.relay.clock, self.relay.connection_table, self.relay.store, self.relay.now
        )
        root = Root()
        for name, resource in page_resources(self.feed).items():
            root.putChild(name.encode(), resource)
        self.factory = Connections(MonitoringSite(root, [], self.relay.clock))
        self.client = Client(self.factory)

    def more(self, client: Client) -> bytes:
        """What has been sent since."""
        client.transport.clear()
        self.relay.clock.advance(0)
        return bytes(client.transport.value())


class FilesTest(_Case):
    """The page and its files."""

    def test_page(self) -> None:
        """The page is at ``/``, as HTML, and names only files that are there, on this host."""
        page = self.client.ask("/")
        self.assertEqual(
            (page.status, page.headers["content-type"]), (200, "text/html; charset=utf-8")
        )
        named = re.findall(r'(?:href|src)="([^"#][^"]*)"', page.body.decode())
        self.assertGreater(len(named), 5)
        for path in named:
            self.assertEqual(self.client.ask(path).status, 200, path)

    def test_modules(self) -> None:
        """Every module that a script imports is served, as JavaScript."""
        for path in _FOLDER.glob("*.js"):
            for name in re.findall(r'from "\./([\w.]+)"', path.read_text(encoding="utf-8")):
                answer = self.client.ask(f"/page/{name}")
                self.assertEqual(
                    (answer.status, answer.headers["content-type"]),
                    (200, "text/javascript; charset=utf-8"),
                    name,
                )

    def test_nothing_inline(self) -> None:
        """No script and no style stands in the page, which its policy would refuse."""
        text = (_FOLDER / "index.html").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"<style|style=|<script>|\son\w+=|javascript:", text), [])

    def test_no_markup(self) -> None:
        """No script of ours makes markup or code of a text."""
        sinks = (
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new "
            r"Function|DOMParser|createContextualFragment|srcdoc"
        )
        for path in _FOLDER.glob("*.js"):
            if not path.name.startswith("uPlot"):
                self.assertEqual(re.findall(sinks, path.read_text(encoding="utf-8")), [], path.name)

    def test_no_other_host(self) -> None:
        """No file of ours names another host."""
        for path in _FOLDER.iterdir():
            if not path.name.startswith("uPlot"):
                text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
                self.assertEqual(re.findall(r"(?:https?:)?//[\w.-]+\.\w", text), [], path.name)

    def test_again(self) -> None:
        """A browser that has a file already is told so."""
        first = self.client.ask("/page/main.js")
        again = self.client.ask("/page/main.js", **{"If-None-Match": first.headers["etag"]})
        self.assertEqual(
            (first.headers["cache-control"], again.status, again.body), ("no-cache", 304, b"")
        )

    def test_head(self) -> None:
        """HEAD has what GET has but the body, and costs no line of the log."""
        with capturedLogs() as events:
            for path in ("/", "/page/main.js"):
                got, head = self.client.ask(path), self.client.ask(path, "HEAD")
                self.assertEqual({**got.headers, "date": ""}, {**head.headers, "date": ""})
                self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(events, [])

    def test_nothing_else(self) -> None:
        """Nothing but the files is served, and each has the headers of the site."""
        for path in (
            "/page",
            "/page/",
            "/page/index.txt",
            "/page/../resources.py",
            "/page/main.js/x",
            "/api",
            "/api/",
            "/api/events/x",
        ):
            self.assertEqual(self.client.ask(path).status, 404, path)
        self.assertLessEqual(
            set(HEADERS) - {"Cache-Control"},
            {name for name in HEADERS if name.lower() in self.client.ask("/").headers},
        )
        self.assertIn("uPlot.iife.min.js", ASSETS)

    def test_uplot(self) -> None:
        """The file of uPlot says which version it is, and its licence lies beside it."""
        self.assertIn(
            "uPlot (v1.6.32)", (_FOLDER / "uPlot.iife.min.js").read_text(encoding="utf-8")[:200]
        )
        self.assertIn("MIT License", (_FOLDER / "uPlot.LICENSE").read_text(encoding="utf-8"))


class CallsTest(_Case):
    """The calls."""

    def test_snapshot(self) -> None:
        """A snapshot is one JSON object of known length."""
        request = b"GET /api/snapshot?limit=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.assertEqual(self.client.send(request), b"")
        head, _, body = self.more(self.client).partition(b"\r\n\r\n")
        self.assertIn(b"Content-Type: application/json\r\n", head)
        self.assertIn(b"Cache-Control: no-store", head)
        self.assertIn(b"Content-Length: %d" % len(body), head)
        self.assertEqual(len(json.loads(body)["connections"]["rows"]), 2)

    def test_snapshot_head(self) -> None:
        """HEAD is answered without the object."""
        self.client.send(b"HEAD /api/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, _, body = self.more(self.client).partition(b"\r\n\r\n")
        self.assertEqual((head.split(b"\r\n")[0], body), (b"HTTP/1.1 200 OK", b""))

    def test_snapshot_left(self) -> None:
        """A client that leaves before its snapshot is ready is no mistake."""
        self.client.send(b"GET /api/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.client.transport.loseConnection()
        self.client.protocol.connectionLost(Failure(ConnectionDone()))
        self.relay.clock.advance(0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_snapshot_stopping(self) -> None:
        """A client that waits at the stop is told that nothing comes."""
        self.client.transport.clear()
        self.client.send(b"GET /api/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.feed.close()
        self.assertIn(b"503", self.client.transport.value())
        self.assertIn(b"The figures are not available now.", self.client.transport.value())

    def test_events(self) -> None:
        """Events come as long as the client stays, and none is asked for once it has gone."""
        answer = self.client.send(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b"Content-Type: text/event-stream\r\n", answer)
        self.assertIn(b"retry: 3000\n\n", answer)
        self.assertIn(b"event: snapshot\ndata: {", self.more(self.client))
        self.relay.advance()
        self.assertIn(b"event: change\ndata: {", bytes(self.client.transport.value()))
        self.client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((len(self.feed), self.feed._loop.running), (0, False))

    def test_events_head(self) -> None:
        """HEAD of the events ends at once."""
        answer = self.client.ask("/api/events", "HEAD")
        self.assertEqual(
            (answer.status, answer.headers["content-type"], len(self.feed)),
            (200, "text/event-stream", 0),
        )

    def test_full(self) -> None:
        """No more may watch than the bound; the next one is told so, and when to try again."""
        self.patch(feed_module, "MAX_STREAMS", 1)
        self.client.ask("/api/events")
        refused = Client(self.factory).ask("/api/events")
        self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "5"))
        self.assertIn(b"are open already", refused.body)

    def test_slow_reader(self) -> None:
        """What a client does not read is not written to it: at most one event waits."""
        self.client.ask("/api/events")
        self.client.protocol.wrappedProtocol.pauseProducing()
        self.client.transport.clear()
        for _ in range(20):
            self.relay.advance()
        self.assertEqual(self.client.transport.value(), b"")
        self.client.protocol.wrappedProtocol.resumeProducing()
        self.relay.advance()
        self.assertIn(b"event: snapshot", bytes(self.client.transport.value()))

    def test_stop(self) -> None:
        """When the feed is closed the answer ends in order, and the connection with it."""
        self.client.ask("/api/events")
        self.client.transport.clear()
        self.feed.close()
        self.assertTrue(bytes(self.client.transport.value()).endswith(b"0\r\n\r\n"))
        self.assertTrue(self.client.transport.disconnecting)

    def test_mistake(self) -> None:
        """A wrong argument is said so in plain text."""
        for path in ("/api/snapshot?sort=x", "/api/events?sort=x"):
            answer = self.client.ask(path)
            self.assertEqual(
                (answer.status, answer.headers["content-type"]), (400, "text/plain; charset=utf-8")
            )
            self.assertIn(b"can't be sorted by 'x'", answer.body)
