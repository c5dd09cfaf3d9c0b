"""The resource ``/metrics``: prometheus_client's application, with a registry of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import INTERNAL_SERVER_ERROR
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pipetwist.interfaces import AnyReactor
from pipetwist.metrics.connections import ConnectionsCollector
from pipetwist.metrics.limiting import LimitsCollector
from pipetwist.metrics.running import RunningCollector
from pipetwist.metrics.sources import Sources
from pipetwist.metrics.traffic import TrafficCollector
from pipetwist.web.answers import TextAnswer, sized

__all__ = ["ScrapedResource", "registry_of"]


def registry_of(sources: Sources) -> CollectorRegistry:
    """Make a registry of all collectors, including the process's own figures if the system has
    them.
    """
    registry = CollectorRegistry(auto_describe=True)
    for kind in (TrafficCollector, ConnectionsCollector, LimitsCollector, RunningCollector):
        registry.register(kind(sources))
    ProcessCollector(registry=registry)
    return registry


class _Wanted(NamedTuple):
    """What a response depends on."""

    query: bytes
    accept: bytes
    encoding: bytes

    @classmethod
    def of(cls, request: Request) -> _Wanted:
        headers = request.requestHeaders
        accept, encoding = (
            b",".join(headers.getRawHeaders(name, [])) for name in (b"Accept", b"Accept-Encoding")
        )
        return cls(request.uri.partition(b"?")[2], accept, encoding)


class _Written(NamedTuple):
    """A response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class ScrapedResource(Resource):
    """Writes the metrics in a thread of the reactor's pool, so that the relay continues meanwhile.

    One response is written at a time. Requests that arrive meanwhile get the next one, which is
    written once for all of them. So the figures are always newer than the request, and many
    requests take no more time from the relay than one.

    Args:
        sources: what is read.
        reactor: the reactor.
        log: gets errors.
    """

    isLeaf = True

    def __init__(self, sources: Sources, reactor: AnyReactor, log: Logger | None = None) -> None:
        super().__init__()
        self._sources = sources
        self._application: Callable[..., Iterable[bytes]] = make_wsgi_app(registry_of(sources))
        self._reactor = reactor
        self._log = log or Logger()
        self._waiting: dict[_Wanted, list[Request]] = {}
        self._asking: list[Request] = []
        self._writing: Deferred[None] | None = None

    def __repr__(self) -> str:
        return (
            f"<ScrapedResource: {len(self._asking)} are written for, "
            f"{sum(map(len, self._waiting.values()))} wait>"
        )

    def render(self, request: Request) -> int:
        """Answer GET and HEAD."""
        wanted = _Wanted.of(request)
        self._waiting.setdefault(wanted, []).append(request)
        request.notifyFinish().addErrback(lambda _: self._gone(wanted, request))
        self._begin()
        return NOT_DONE_YET

    def close(self) -> Deferred[None]:
        """Drop the requests that still wait. Fires when no thread writes any more."""
        self._waiting.clear()
        if self._writing is None:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._writing.addBoth(closed.callback)
        return closed

    def _begin(self) -> None:
        if self._writing is None and self._waiting:
            wanted = next(iter(self._waiting))
            self._asking = self._waiting.pop(wanted)
            self._writing = Deferred()
            written = maybeDeferred(self._sources.renew, self._reactor).addCallback(
                lambda _: self._written(wanted)
            )
            written.addCallbacks(self._answer, self._failed).addErrback(self._failed).addBoth(
                self._ended
            )

    def _written(self, wanted: _Wanted) -> Deferred[_Written]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._write, wanted)

    def _gone(self, wanted: _Wanted, request: Request) -> None:
        waiting = self._waiting.get(wanted, [])
        for requests in (waiting, self._asking):
            if request in requests:
                requests.remove(request)
        if not waiting:
            self._waiting.pop(wanted, None)

    def _write(self, wanted: _Wanted) -> _Written:
        """Runs in a thread: it uses only the application, and what any thread may read of its
        sources.
        """
        began: list[Any] = []  # a status, headers, and perhaps what Python is to raise
        environment = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/metrics",
            "QUERY_STRING": wanted.query.decode("latin-1"),
            "HTTP_ACCEPT": wanted.accept.decode("latin-1"),
            "HTTP_ACCEPT_ENCODING": wanted.encoding.decode("latin-1"),
        }
        pieces: Iterable[bytes] = self._application(
            environment, lambda *answer: began.extend(answer)
        )
        body = b"".join(pieces)
        status, headers = began[:2]
        return _Written(int(status.split()[0]), headers, body)

    def _answer(self, answer: _Written) -> None:
        for request in list(self._asking):
            request.setResponseCode(answer.status)
            for name, value in answer.headers:
                request.setHeader(name.encode("latin-1"), value.encode("latin-1"))
            request.write(sized(request, answer.body))
            request.finish()

    def _failed(self, failure: Failure) -> None:
        self._log.failure("The metrics could not be written", failure)
        for request in list(self._asking):
            request.write(TextAnswer(INTERNAL_SERVER_ERROR).render(request))
            request.finish()

    def _ended(self, result: object) -> None:
        ended, self._writing, self._asking = self._writing, None, []
        assert ended is not None  # noqa: S101 - says to mypy that something has begun
        ended.callback(None)
        self._begin()
