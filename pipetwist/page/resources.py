"""The page, its files and its two calls, as resources of Twisted's web server. They only read;
`pipetwist.page.closing` has what acts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from twisted.internet.defer import Deferred
from twisted.web.http import BAD_REQUEST, NOT_FOUND, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pipetwist.page.feed import MAX_STREAMS, Feed
from pipetwist.page.stream import Stream
from pipetwist.page.view import View, parse_view
from pipetwist.web.answers import TextAnswer, sized
from pipetwist.web.site import Root

__all__ = ["ASSETS", "page_resources"]

_FOLDER = Path(__file__).parent / "assets"
_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_NOTHING: Mapping[str, Resource] = MappingProxyType({})
ASSETS = sorted(path.name for path in _FOLDER.iterdir() if path.suffix in _TYPES)
"""The names of the page's files."""


def page_resources(
    feed: Feed,
    acting: Mapping[str, Resource] = _NOTHING,
    reading: Mapping[str, Resource] = _NOTHING,
) -> dict[str, Resource]:
    """The resources by the first part of their paths: the page at ``/``, its files below ``/page``,
    and its calls below ``/api``.

    Args:
        feed: has the figures.
        acting: further calls, by their names, that do something.
        reading: those that do not.
    """
    files, api = _Folder(), _Folder()
    for name in ASSETS:
        files.putChild(name.encode("ascii"), _File(_FOLDER / name))
    api.putChild(b"snapshot", _Snapshot(feed))
    api.putChild(b"events", _Events(feed))
    for name, call in (*acting.items(), *reading.items()):
        api.putChild(name.encode("ascii"), call)
    page = _File(_FOLDER / "index.html", acts=bool(acting))
    return {"": page, "page": files, "api": api}


class _Folder(Root):
    """A folder of files or calls, without a response of its own."""

    def render(self, request: Request) -> bytes:
        """Not found: there is no index."""
        return TextAnswer(NOT_FOUND).render(request)


class _File(Resource):
    """A small file, which is read once. Browsers ask each time whether it has changed.

    Args:
        path: the file.
        acts: whether it is told that it may close connections.
    """

    isLeaf = True

    def __init__(self, path: Path, *, acts: bool = False) -> None:
        super().__init__()
        self._body = path.read_bytes()
        if acts:
            self._body = self._body.replace(b"<body", b"<body data-acts", 1)
        self._type = _TYPES[path.suffix]
        self._etag = b'"%b"' % hashlib.sha256(self._body).hexdigest()[:16].encode("ascii")

    def render_GET(self, request: Request) -> bytes:
        """Send it."""
        request.setHeader(b"Content-Type", self._type)
        request.setHeader(b"Cache-Control", b"no-cache")
        return b"" if request.setETag(self._etag) else sized(request, self._body)


class _Call(Resource):
    """A call with the arguments of a view."""

    isLeaf = True

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self.feed = feed

    def render_GET(self, request: Request) -> bytes | int:
        """Answer, or report errors in the arguments."""
        request.setHeader(b"Cache-Control", b"no-store")
        try:
            view = parse_view(request.args or {})
        except ValueError as error:
            return TextAnswer(BAD_REQUEST, str(error)).render(request)
        return self.answer(request, view)

    def answer(self, request: Request, view: View) -> bytes | int:
        """Answer with this view."""
        raise NotImplementedError


class _Snapshot(_Call):
    """The figures, once."""

    def answer(self, request: Request, view: View) -> bytes | int:
        request.setHeader(b"Content-Type", b"application/json")
        gone = _gone(request)

        def send(body: bytes) -> None:
            request.write(sized(request, body))
            request.finish()

        def refuse(failure: object) -> None:
            if not gone:
                request.write(
                    TextAnswer(SERVICE_UNAVAILABLE, "The figures are not available now.").render(
                        request
                    )
                )
                request.finish()

        figures = self.feed.snapshot(view)
        # The client has gone.
        request.notifyFinish().addErrback(lambda _: figures.cancel())
        figures.addCallbacks(send, refuse)
        return NOT_DONE_YET


class _Events(_Call):
    """The figures, again and again."""

    def answer(self, request: Request, view: View) -> bytes | int:
        if self.feed.full:
            request.setHeader(b"Retry-After", b"5")
            return TextAnswer(
                SERVICE_UNAVAILABLE, f"{MAX_STREAMS} pages are open already; close one"
            ).render(request)
        request.setHeader(b"Content-Type", b"text/event-stream")
        request.setHeader(b"X-Accel-Buffering", b"no")  # asks a proxy (nginx) not to buffer events
        if request.method == b"HEAD":
            return b""
        stream = Stream(request, view, self.feed.clock)
        request.notifyFinish().addErrback(lambda _: self.feed.leave(stream))
        self.feed.watch(stream)
        return NOT_DONE_YET


def _gone(request: Request) -> list[object]:
    """A list that is not empty once the request has ended."""
    over: list[object] = []
    ended: Deferred[None] = request.notifyFinish()
    ended.addBoth(over.append)
    return over
