"""What is at /metrics, asked over a real socket: it is written in a thread."""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipetwist.metrics.resource import ScrapedResource
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.tracking import Tracked
from pipetwist.web.answers import HEADERS
from pipetwist.web.options import WebOptions, WebTlsOptions
from pipetwist.web.service import WebService
from tests.support.metrics_sources import made_sources
from tests.support.shared_certificates import AUTHORITY, SERVER
from tests.support.web_client import Answer

_OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


class _Tracked(Tracked):
    """What is counted, as the test says when it is asked.

    Args:
        test: the test.
    """

    def __init__(self, test: ScrapingTest) -> None:
        super().__init__(MemoryCounterStore())
        self._test = test

    def names(self) -> Any:
        return self._test.counted()


class ScrapingTest(TestCase):
    """Scrapes."""

    timeout = 300

    def setUp(self) -> None:
        """Serve the metrics of a user."""
        self.tracked = _Tracked(self)
        self.sources = made_sources(tracked=self.tracked)
        self.threads: list[threading.Thread] = []
        self.service = WebService(WebOptions(listen="127.0.0.1:0"), reactor)
        self.resource = ScrapedResource(self.sources, reactor)
        self.service.put("metrics", self.resource)
        self.service.startService()
        self.addCleanup(self.service.stopService)

    def counted(self) -> Any:
        """What is counted; remembers in which thread that was asked."""
        self.threads.append(threading.current_thread())
        return [("user", "alice")]

    def ask(self, path: str = "/metrics", method: str = "GET", **headers: str) -> Deferred[Answer]:
        """Ask."""
        assert self.service.address is not None
        return deferToThread(
            _ask,
            self.service.address.port,
            path,
            method,
            {name.replace("_", "-"): text for name, text in headers.items()},
        )

    async def test_text(self) -> None:
        """By default it is Prometheus's text, and has every header that every answer has."""
        answer = await self.ask()
        self.assertEqual(
            (answer.status, answer.headers["content-type"]),
            (200, "text/plain; version=0.0.4; charset=utf-8"),
        )
        self.assertEqual({name: answer.headers.get(name.lower()) for name in HEADERS}, HEADERS)
        self.assertNotIn("server", answer.headers)
        families = {family.name for family in text_string_to_metric_families(answer.body.decode())}
        self.assertLessEqual(
            {"pipetwist_traffic_bytes", "pipetwist_connections", "pipetwist_build_info"}, families
        )

    async def test_openmetrics(self) -> None:
        """A client that asks for OpenMetrics gets it, compressed if it accepts that."""
        answer = await self.ask(Accept=_OPENMETRICS, Accept_Encoding="gzip")
        self.assertTrue(
            answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        )
        self.assertEqual(answer.headers["content-encoding"], "gzip")
        self.assertTrue(gzip.decompress(answer.body).endswith(b"# EOF\n"))

    async def test_tls(self) -> None:
        """Over TLS it is the same."""
        tls = WebTlsOptions(certificate_path=SERVER[0], key_path=SERVER[1])
        service = WebService(WebOptions(listen="127.0.0.1:0", tls=tls), reactor)
        service.put("metrics", ScrapedResource(self.sources, reactor))
        service.startService()
        self.addCleanup(service.stopService)
        assert service.address is not None
        context = ssl.create_default_context(cafile=AUTHORITY)
        address = f"https://localhost:{service.address.port}/metrics"
        text = await deferToThread(lambda: urlopen(address, timeout=60, context=context).read())
        self.assertIn(b'tag="alice"', text)

    async def test_head(self) -> None:
        """HEAD is answered as GET, without the body."""
        answer = await self.ask(method="HEAD")
        self.assertEqual(
            (answer.status, answer.headers["content-type"], answer.body),
            (200, "text/plain; version=0.0.4; charset=utf-8", b""),
        )

    async def test_some(self) -> None:
        """One may ask for some metrics by their names."""
        answer = await self.ask("/metrics?name[]=pipetwist_traffic_bytes_total")
        self.assertEqual(
            [family.name for family in text_string_to_metric_families(answer.body.decode())],
            ["pipetwist_traffic_bytes"],
        )

    async def test_nothing_below(self) -> None:
        """There is nothing below it, nor beside it."""
        for path in ("/metrics/", "/metrics/x", "/favicon.ico"):
            self.assertEqual((await self.ask(path)).status, 404)

    async def test_thread(self) -> None:
        """What takes its time is done in another thread than the relay's."""
        self.threads.clear()
        await self.ask()
        self.assertEqual([thread is threading.main_thread() for thread in self.threads], [False])

    async def test_one_at_a_time(self) -> None:
        """A request that arrives while a response is written waits for the next, which is the same
        for all; a client that disconnects meanwhile delays nothing.
        """
        go_on, before = threading.Event(), len(self.threads)
        self.addCleanup(go_on.set)

        def counted() -> Any:
            go_on.wait(60)
            return self.counted()

        self.tracked.names = counted  # type: ignore[method-assign]  # it is this test's own
        first = self.ask()
        await self.until(lambda: bool(self.resource._asking))
        assert self.service.address is not None
        with socket.create_connection(("127.0.0.1", self.service.address.port), 20) as gone:
            gone.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await self.until(lambda: self.waiting() == [1])
        await self.until(lambda: self.waiting() == [])
        others = [self.ask() for _ in range(3)]
        await self.until(lambda: self.waiting() == [3])
        other = self.ask(Accept=_OPENMETRICS)
        await self.until(lambda: self.waiting() == [3, 1])
        go_on.set()
        self.assertEqual([(await one).status for one in (first, *others, other)], [200] * 5)
        self.assertEqual(len(self.threads), 3 + before)

    def waiting(self) -> list[int]:
        """How many wait for each kind of scrape."""
        return [len(requests) for requests in self.resource._waiting.values()]

    async def test_gone_meanwhile(self) -> None:
        """A client that disconnects while its response is written is not answered, and others
        are.
        """
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.tracked.names = lambda: [("user", "alice")][: go_on.wait(60)]  # type: ignore[method-assign]  # it is this test's own
        assert self.service.address is not None
        with socket.create_connection(("127.0.0.1", self.service.address.port), 60) as gone:
            gone.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await self.until(lambda: len(self.resource._asking) == 1)
        await self.until(lambda: not self.resource._asking)
        other = self.ask()
        go_on.set()
        self.assertEqual((await other).status, 200)

    async def test_stop_meanwhile(self) -> None:
        """A stop waits for the scrape that is being written, whoever has gone away meanwhile: its
        thread needs the reactor to end.
        """
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.tracked.names = lambda: [("user", "alice")][: go_on.wait(60)]  # type: ignore[method-assign]  # it is this test's own
        asked = self.ask()
        await self.until(lambda: bool(self.resource._asking))
        self.service.before_stop(self.resource.close)
        stopped = self.service.stopService()
        await self.assertFailure(asked, OSError, http.client.HTTPException)
        self.assertNoResult(stopped)
        go_on.set()
        await stopped
        self.assertIsNone(self.resource._writing)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the reactor turn until this is so; the test's time is bounded."""
        while not condition():
            await deferLater(reactor, 0.001)

    async def test_mistake(self) -> None:
        """A source that fails is a failed scrape, without a word of why, and the log has the
        rest.
        """
        message = "a mistake"

        def fail() -> Any:
            raise ValueError(message)

        self.tracked.names = fail  # type: ignore[method-assign]  # it is this test's own
        answer = await self.ask()
        self.assertEqual((answer.status, message.encode() in answer.body), (500, False))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    async def test_no_picture(self) -> None:
        """If the picture of what runs can't be taken the scrape has failed as well, and the next
        one goes on.
        """
        taken, pictures = self.sources.renew, [ValueError("a mistake")]

        def renew(clock: IReactorTime) -> Deferred[None]:
            return fail(pictures.pop()) if pictures else taken(clock)

        self.patch(self.sources, "renew", renew)
        self.assertEqual([(await self.ask()).status for _ in range(2)], [500, 200])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


def _ask(port: int, path: str, method: str, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return Answer(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )
    finally:
        connection.close()
