"""The site: accepts only allowed requests, and adds the headers to every response."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import (
    BAD_REQUEST,
    FORBIDDEN,
    INTERNAL_SERVER_ERROR,
    NOT_ALLOWED,
    NOT_FOUND,
    HTTPChannel,
)
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

from pipetwist.web.answers import HEADERS, TextAnswer
from pipetwist.web.hosts import may_ask_for

__all__ = ["MonitoringSite", "Root"]

_IDLE_SECONDS = 60.0
_READING = (b"GET", b"HEAD")
_TOO_LARGE = "\r\n".join(
    (
        "HTTP/1.1 413 Content Too Large",
        "Connection: close",
        "Content-Length: 0",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
        "",
        "",
    )
).encode()


class Root(Resource):
    """Has the resources by the first part of their paths; the part of ``/`` is empty."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        """There is nothing else."""
        return TextAnswer(NOT_FOUND)


class _Request(Request):
    site: MonitoringSite
    is_answered = False
    """Whether all of it is there, and it is answered now."""
    _has_body = False

    def gotLength(self, length: int | None) -> None:
        """Refuse a body before it is read: no resource uses one."""
        super().gotLength(0)
        if length != 0:
            self._has_body = True
            # Otherwise the channel would read the body after the response.
            self.requestHeaders.removeHeader(b"Expect")
            self.channel.write(_TOO_LARGE)
            self.channel.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:
        """Drop the body."""

    def process(self) -> None:
        """Answer in its turn, unless that was done."""
        if not self._has_body:
            channel: Any = self.channel  # Twisted does not say that it is one of ours
            channel.answer(self)

    def answer(self) -> None:
        """Answer now, unless the client has gone meanwhile."""
        if self.channel is not None:
            super().process()

    def _handleStar(self) -> None:
        self.render(self.site.getResourceFor(self))

    def processingFailed(self, reason: Failure) -> Failure:
        """Tell the client only that it failed."""
        self._log.failure("A request for {path} failed in pipetwist itself", reason, path=self.path)
        if self.startedWriting:
            self.loseConnection()
        else:
            self.render(TextAnswer(INTERNAL_SERVER_ERROR))
        return reason


class _Turns:
    """Answers one request in each turn of the reactor, in the order of arrival, since a client may
    send thousands at once.

    Args:
        clock: calls in the next turn.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: deque[_Request] = deque()
        self._is_taken = False

    def __repr__(self) -> str:
        return f"<_Turns: {len(self._waiting)} wait>"

    def take(self, request: _Request) -> None:
        """Answer it: now, if nothing was answered in this turn, or in a later turn."""
        request.is_answered = True
        if self._is_taken:
            self._waiting.append(request)
        else:
            self._is_taken = True
            self._clock.callLater(0, self._next)
            request.answer()

    def _next(self) -> None:
        self._is_taken = bool(self._waiting)
        if self._waiting:
            self._clock.callLater(0, self._next)
            self._waiting.popleft().answer()


class _Channel(HTTPChannel):
    """One connection. Its client gets an answer once it has read the one before: whoever sends a
    thousand requests and reads nothing has one answer in memory.
    """

    site: MonitoringSite
    _is_full = False
    """Whether the client has still to read something."""
    _held: _Request | None = None
    """What is answered once it has."""
    _closing: IDelayedCall | None = None

    def resetTimeout(self) -> None:
        """Limit the time of a whole request: one that arrives a byte at a time would keep its
        connection for ever.
        """

    def answer(self, request: _Request) -> None:
        """Answer when it is its turn, and the client has read all until then."""
        if self._is_full:
            self._held = request
            self.setTimeout(_IDLE_SECONDS)
        else:
            self.site.turns.take(request)

    def pauseProducing(self) -> None:
        self._is_full = True
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self._is_full = False
        super().resumeProducing()
        held, self._held = self._held, None
        if held is not None:
            self.setTimeout(None)
            self.site.turns.take(held)

    def loseConnection(self) -> None:
        """Close; a client that does not read the rest of its answer has no more than a minute."""
        super().loseConnection()
        if self._closing is None:
            self._closing = self.site.reactor.callLater(_IDLE_SECONDS, self.forceAbortClient)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        if self._closing is not None and self._closing.active():
            self._closing.cancel()
        super().connectionLost(reason)


class MonitoringSite(Site):
    """A site for monitoring. Everything is read, but what has other ``methods``.

    Args:
        root: what is served.
        names: the allowed host names, in lower case.
        reactor: counts the time.
    """

    noisy = False
    protocol = _Channel  # type: ignore[assignment]  # Twisted's own also speaks HTTP/2, which nobody is offered here

    def __init__(self, root: Resource, names: Iterable[str], reactor: IReactorTime) -> None:
        super().__init__(root, _Request, timeout=_IDLE_SECONDS, reactor=reactor)
        self._names = frozenset(names)
        self.turns = _Turns(reactor)
        """The order of answers."""

    def startFactory(self) -> None:
        """Open no log of requests, for which Twisted would wake up every second."""

    def stopFactory(self) -> None:
        """There is no log to close."""

    def getResourceFor(self, request: Request) -> IResource:
        """Find the resource, or the error response."""
        request.site = self
        request.responseHeaders.removeHeader(b"Server")
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        if request.method not in (*_READING, b"POST"):
            return _not_allowed(request, _READING)
        if not may_ask_for(request.requestHeaders.getRawHeaders(b"Host", []), self._names):
            return TextAnswer(FORBIDDEN, 'Unknown host; add its name to "hosts" of "metrics".')
        if not request.path.startswith(b"/"):
            return TextAnswer(BAD_REQUEST)
        found = super().getResourceFor(request)
        # A leaf of Twisted's would answer for every path below its own.
        found = TextAnswer(NOT_FOUND) if request.postpath else found
        methods: Sequence[bytes] = getattr(found, "methods", _READING)
        return found if request.method in methods else _not_allowed(request, methods)


def _not_allowed(request: Request, methods: Sequence[bytes]) -> TextAnswer:
    request.setHeader(b"Allow", b", ".join(methods))
    allowed = "Only GET and HEAD are" if methods is _READING else "Only POST is"
    return TextAnswer(NOT_ALLOWED, f"{allowed} allowed here.")
