"""The site: lets through what may be asked, bounds what a client may take up, and puts the headers on every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IAddress, IHandshakeListener, IReactorTime, ISSLTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.http import BAD_REQUEST, FORBIDDEN, INTERNAL_SERVER_ERROR, NOT_ALLOWED, NOT_FOUND, HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from pipetwist.web.answers import HEADERS, TextAnswer
from pipetwist.web.hosts import may_ask_for

__all__ = ["Connections", "LookSite", "Root"]

_IDLE_SECONDS = 60.0
_MOST_CONNECTIONS = 100
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
    """Holds what is served, each by the first part of its path; the part of ``/`` is empty."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Nothing else is here."""
        return TextAnswer(NOT_FOUND)


class _Request(Request):
    site: LookSite
    _has_body = False

    def gotLength(self, length: int | None) -> None:
        """Refuse a body before it is read: nothing here takes one."""
        super().gotLength(0)
        if length != 0:
            self._has_body = True
            # Or the channel would ask for the body after the answer.
            self.requestHeaders.removeHeader(b"Expect")
            self.channel.write(_TOO_LARGE)
            self.channel.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:
        """Keep nothing of a body."""

    def process(self) -> None:
        """Answer, unless that was done."""
        if not self._has_body:
            super().process()

    def _handleStar(self) -> None:
        self.render(self.site.getResourceFor(self))

    def processingFailed(self, reason: Failure) -> Failure:
        """Say no more to the client than that it failed."""
        self._log.failure("A request for {path} failed in pipetwist itself", reason, path=self.path)
        if self.startedWriting:
            self.loseConnection()
        else:
            self.render(TextAnswer(INTERNAL_SERVER_ERROR))
        return reason


class _Channel(HTTPChannel):
    def resetTimeout(self) -> None:
        """Give a request its time as a whole: one that comes a byte at a time would keep its place for ever."""


class LookSite(Site):
    """Serves what only looks.

    Args:
        root: what is served.
        names: the names of hosts that it may be asked by, in small letters.
        reactor: counts the time.
    """

    noisy = False
    protocol = _Channel  # type: ignore[assignment]  # Twisted's own also speaks HTTP/2, which nobody is offered here

    def __init__(self, root: Resource, names: Iterable[str], reactor: IReactorTime) -> None:
        super().__init__(root, _Request, timeout=_IDLE_SECONDS, reactor=reactor)
        self._names = frozenset(names)

    def startFactory(self) -> None:
        """Write no log of requests, for which Twisted would wake up every second."""

    def stopFactory(self) -> None:
        """There is no log to close."""

    def getResourceFor(self, request: Request) -> Any:
        """Find the resource, or what is wrong with the request."""
        request.site = self
        request.responseHeaders.removeHeader(b"Server")
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"Allow", b"GET, HEAD")
            return TextAnswer(NOT_ALLOWED, "Here one can only look: GET and HEAD are answered.")
        if not may_ask_for(request.requestHeaders.getRawHeaders(b"Host", []), self._names):
            return TextAnswer(FORBIDDEN, 'This host is not known here; give its name in "hosts" of "metrics".')
        if not request.path.startswith(b"/"):
            return TextAnswer(BAD_REQUEST)
        found = super().getResourceFor(request)
        # A leaf of Twisted's answers at every path below its own.
        return TextAnswer(NOT_FOUND) if request.postpath else found


@implementer(IHandshakeListener)
class _Client(ProtocolWrapper):
    """One client, which may have to complete a TLS handshake first."""

    factory: Connections
    _shaken = False

    def handshakeCompleted(self) -> None:
        """See ``IHandshakeListener``."""
        self._shaken = True

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """Pass on."""
        if not self._shaken and ISSLTransport.providedBy(self.transport):
            self.factory.handshake_failed(self.getPeer(), reason)
        super().connectionLost(reason)


class Connections(WrappingFactory[_Client]):
    """Bounds how many clients there are at once, and ends those that are left at the stop.

    Args:
        site: what they talk to.
        most: how many there may be; who comes beyond that is closed.
        handshake_failed: is told where somebody was, in Twisted's words, whose TLS handshake has come to nothing, and why.
    """

    noisy = False
    protocol = _Client
    protocols: dict[_Client, int]

    def __init__(
        self, site: Site, most: int = _MOST_CONNECTIONS, handshake_failed: Callable[[object, Failure], object] = lambda *_: None
    ) -> None:
        super().__init__(site)
        self._most = most
        self.handshake_failed = handshake_failed

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Let one in, or None."""
        return None if len(self.protocols) >= self._most else super().buildProtocol(addr)

    def end_all(self) -> None:
        """End every connection, whatever is undelivered, but for those that are being closed in order."""
        for client in list(self.protocols):
            if not client.disconnecting:
                client.abortConnection()
