"""The site: whom it answers, and what every answer has."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pipetwist.web.answers import HEADERS, TextAnswer
from pipetwist.web.connection_limit import Connections
from pipetwist.web.site import MonitoringSite, Root
from tests.support.web_client import Answer, Client, parse_answer


class _Broken(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        if request.args:
            request.write(b"a part")
        message = "a mistake"
        raise ValueError(message)


class _Endless(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> Any:
        request.write(b"once\n")
        return NOT_DONE_YET


class _SiteCase(SynchronousTestCase):
    def setUp(self) -> None:
        """Serve something."""
        self.clock = Clock()
        root = Root()
        root.putChild(b"", TextAnswer(200, "the page"))
        root.putChild(b"metrics", TextAnswer(200, "the metrics"))
        root.putChild(b"broken", _Broken())
        root.putChild(b"endless", _Endless())
        self.factory = Connections(
            MonitoringSite(root, ["relay.example.org"], self.clock), maximum=3
        )
        self.client = Client(self.factory)

    def check(self, answer: Answer, status: int, text: str) -> None:
        """An answer of ours in plain text, with all that every one has."""
        self.assertEqual((answer.status, answer.body.decode()), (status, text))
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
        self.check_headers(answer)

    def check_headers(self, answer: Answer) -> None:
        """What every answer has, and what none tells."""
        self.assertEqual({name: answer.headers.get(name.lower()) for name in HEADERS}, HEADERS)
        self.assertNotIn("server", answer.headers)
        self.assertNotIn(b"twisted", str(answer).lower().encode())


class AnsweringTest(_SiteCase):
    """Requests, one after another on one connection where it stays."""

    def test_paths(self) -> None:
        """What was put at a path is there, and elsewhere is nothing."""
        self.check(self.client.ask("/"), 200, "the page\n")
        self.check(self.client.ask("/metrics?name=x"), 200, "the metrics\n")
        for path in (
            "/nothing",
            "/nothing/below",
            "//",
            "/metrics/below",
            "/metrics/",
            "/%2e%2e/metrics",
            "/METRICS",
        ):
            self.check(self.client.ask(path), 404, "Not Found\n")

    def test_head(self) -> None:
        """HEAD is answered as GET would be, without the body."""
        got, head = self.client.ask("/metrics"), self.client.ask("/metrics", "HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual({**got.headers, "date": ""}, {**head.headers, "date": ""})

    def test_methods(self) -> None:
        """Nothing else may be asked, not even of everything."""
        for method, path in (
            ("POST", "/"),
            ("DELETE", "/metrics"),
            ("OPTIONS", "/metrics"),
            ("OPTIONS", "*"),
            ("FROB", "/"),
            ("PUT", "/"),
        ):
            answer = self.client.ask(path, method)
            self.check(answer, 405, "Only GET and HEAD are allowed here.\n")
            self.assertEqual(answer.headers["allow"], "GET, HEAD")

    def test_hosts(self) -> None:
        """A request for a host that is not ours is refused, and so is one for none."""
        for good in ("127.0.0.1:9100", "relay.example.org"):
            self.check(self.client.ask("/", host=good), 200, "the page\n")
        for bad in ("evil.example", None):
            self.check(
                self.client.ask("/", host=bad),
                403,
                'Unknown host; add its name to "hosts" of "metrics".\n',
            )

    def test_no_path(self) -> None:
        """What is asked of a proxy is not for us."""
        self.check(self.client.ask("http://evil.example/metrics"), 400, "Bad Request\n")

    def test_mistake(self) -> None:
        """Of a mistake the client hears no more than that it is one, and the log has the rest."""
        self.check(self.client.ask("/broken"), 500, "Internal Server Error\n")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_late_mistake(self) -> None:
        """One after the answer has begun ends the connection, so that nobody takes the part for the
        whole.
        """
        self.client.ask("/broken?x=1")
        self.assertTrue(self.client.transport.disconnecting)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class TurnsTest(SynchronousTestCase):
    """Requests that come at once."""

    def setUp(self) -> None:
        """A site that counts what it has answered."""
        self.clock = Clock()
        self.answered: list[bytes] = []
        root = Root()
        root.putChild(b"", _Counted(self.answered))
        self.factory = MonitoringSite(root, (), self.clock)

    def come(self, *paths: str) -> Any:
        """A client that has sent requests, and what it writes to."""
        protocol: Any = self.factory.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        protocol.dataReceived(
            "".join(f"GET /?{path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths).encode()
        )
        return protocol

    def turn(self) -> None:
        """Have what was to be called later called, and nothing that comes of it."""
        calls: list[Any] = [
            call for call in self.clock.getDelayedCalls() if call.getTime() <= self.clock.seconds()
        ]
        for call in calls:
            function, arguments = call.func, call.args
            call.cancel()
            function(*arguments)

    def test_one_in_each_turn(self) -> None:
        """Of many requests at once, of one client or several, one is answered in each turn of the
        reactor, and everybody gets his share.
        """
        self.come("a1", "a2", "a3")
        self.come("b1", "b2")
        for count in range(1, 6):
            self.assertEqual(len(self.answered), count)
            self.turn()
        self.assertEqual(self.answered, [b"/?a1", b"/?a2", b"/?b1", b"/?a3", b"/?b2"])
        self.turn()
        self.come("c1")
        self.assertEqual(len(self.answered), 6)

    def test_gone(self) -> None:
        """A request whose client has gone before its turn is not answered, and the next is."""
        self.come("a1")
        gone = self.come("b1", "b2")
        self.come("c1")
        gone.connectionLost(Failure(ConnectionDone()))
        for _ in range(4):
            self.turn()
        self.assertEqual(self.answered, [b"/?a1", b"/?c1"])
        self.assertEqual(repr(self.factory.turns), "<_Turns: 0 wait>")


class _Counted(Resource):
    isLeaf = True

    def __init__(self, answered: list[bytes]) -> None:
        super().__init__()
        self._answered = answered

    def render_GET(self, request: Any) -> bytes:
        self._answered.append(request.uri)
        return b"answer"


class BoundsTest(_SiteCase):
    """What a client may take up."""

    def test_body(self) -> None:
        """A request with a body is refused before the body is there, and answered once."""
        for header in (
            "Content-Length: 5",
            "Content-Length: 99999999999",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue\r\nContent-Length: 5",
        ):
            for rest in (b"", b"hello"):
                client = Client(self.factory)
                raw = client.send(
                    f"GET / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode() + rest
                )
                answer = parse_answer(raw)
                self.assertEqual(
                    (answer.status, answer.body, raw.count(b"HTTP/1.1")), (413, b"", 1), header
                )
                self.check_headers(answer)
                self.assertTrue(client.transport.disconnecting)
                # What comes before the connection is closed.
                self.assertEqual(client.send(b"hello"), b"")
                self.factory.protocols.popitem()

    def test_no_body(self) -> None:
        """One that says that it has none is answered."""
        self.check(self.client.ask("/", **{"Content-Length": "0"}), 200, "the page\n")

    def test_head_of_request(self) -> None:
        """A request line and headers beyond 16 KiB are refused, however they are cut."""
        for head in (
            b"GET /" + b"x" * 17000,
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 4000,
            b"GET / HTTP/1.1\r\nX: " + b"x" * 17000,
        ):
            client = Client(self.factory)
            client.send(head + b"\r\n")
            self.assertTrue(client.transport.disconnecting)
            self.factory.protocols.popitem()

    def test_idle(self) -> None:
        """Who says nothing for a minute is let go, and who waits for the rest of an answer is
        not.
        """
        waiting = Client(self.factory)
        self.assertIn(b"once", waiting.ask("/endless").body)
        self.clock.advance(59)
        self.assertFalse(self.client.transport.disconnecting)
        self.clock.advance(1)
        self.assertEqual(
            (self.client.transport.disconnecting, waiting.transport.disconnecting), (True, False)
        )

    def test_trickling(self) -> None:
        """A request has its time as a whole, however its bytes come; the next one on its connection
        has as much again.
        """
        for begun in b"GET / HTTP/":
            self.client.send(bytes([begun]))
            self.clock.advance(5)
        self.assertEqual(
            parse_answer(self.client.send(b"1.1\r\nHost: localhost\r\n\r\n")).status, 200
        )
        for _ in range(59):
            self.client.send(b"A")
            self.clock.advance(1)
            self.assertFalse(self.client.transport.disconnecting)
        self.client.send(b"A")
        self.clock.advance(1)
        self.assertTrue(self.client.transport.disconnecting)

    def test_unread(self) -> None:
        """Who does not read an answer gets no other, however many requests have come; it is let go
        after a minute, and its connection is an idle one until then.
        """
        for reads in (True, False):
            client = Client(self.factory)
            self.check(client.ask("/"), 200, "the page\n")
            producer: Any = client.transport.producer
            producer.pauseProducing()
            self.assertEqual(client.send(2 * b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), b"")
            self.assertFalse(client.protocol.is_answered)
            if reads:
                producer.resumeProducing()
                self.assertEqual(client.transport.value().count(b"the page"), 1)
                self.assertEqual(client.send(b"").count(b"the page"), 1)
                self.assertEqual(client.transport.producerState, "producing")
                self.clock.advance(59)
                self.assertFalse(client.transport.disconnecting)
            else:
                self.clock.advance(60)
                self.assertTrue(client.transport.disconnecting)

    def test_unread_to_the_end(self) -> None:
        """Nor does who asks for the connection's end, and does not read the answer, keep the
        connection.
        """
        self.client.ask("/", Connection="close")
        self.assertTrue(self.client.transport.disconnecting)
        self.clock.advance(59)
        self.assertFalse(self.client.transport.disconnected)
        self.clock.advance(1)
        self.assertTrue(self.client.transport.disconnected)

    def test_nothing_wakes(self) -> None:
        """A site that nobody asks lets the reactor sleep."""
        factory = Connections(MonitoringSite(Root(), (), self.clock))
        before = self.clock.getDelayedCalls()
        factory.doStart()
        self.assertEqual(self.clock.getDelayedCalls(), before)
        factory.doStop()
