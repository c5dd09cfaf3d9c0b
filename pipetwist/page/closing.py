"""How the page closes connections: two calls, which are there only if the configuration allows it.

Who asks is known by their certificate. That the page asks, and not another site through the same
browser, is known by the request's origin and by a token that only the page can read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http import BAD_REQUEST, FORBIDDEN
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pipetwist.control.actions import Actions
from pipetwist.control.answers import Closed
from pipetwist.control.peers import Holder, certificate_holder
from pipetwist.control.selection import Selection, parse_selection
from pipetwist.control.tokens import Tokens
from pipetwist.logs.rate_limited_log import RateLimitedLog
from pipetwist.web.answers import TextAnswer, sized

__all__ = ["closing_resources"]

_TOKEN = b"X-Pipetwist-Token"
_SITE = b"Sec-Fetch-Site"


def closing_resources(actions: Actions, clock: IReactorTime, log: Logger) -> dict[str, Resource]:
    """The calls by their names: ``token``, and ``close``, which alone takes POST.

    Args:
        actions: closes the connections.
        clock: counts the time.
        log: gets which requests were refused, once a minute.
    """
    tokens = Tokens(clock.seconds)
    refused = RateLimitedLog("page", clock, log)
    return {"token": _Token(tokens, refused), "close": _Close(tokens, refused, actions)}


class _RefusedError(Exception):
    """A request may not be made; the text says why, on one line."""


class _Call(Resource):
    """A call for the holders of certificates.

    Args:
        tokens: of this run.
        refused: gets which requests were refused.
    """

    isLeaf = True

    def __init__(self, tokens: Tokens, refused: RateLimitedLog) -> None:
        super().__init__()
        self.tokens = tokens
        self._refused = refused

    def render(self, request: Request) -> Any:  # as a Resource's
        """Answer, unless it is refused."""
        try:
            return self.answer(request, _holder(request))
        except _RefusedError as error:
            self._refused.say(f"a request of {_address(request)} was refused: {error}")
            return TextAnswer(FORBIDDEN, f"Refused: {error}").render(request)

    def answer(self, request: Request, holder: Holder) -> bytes | int:
        """Answer the holder of a certificate."""
        raise NotImplementedError


class _Token(_Call):
    """A token for one load of the page."""

    def answer(self, request: Request, holder: Holder) -> bytes | int:
        _only_from_here(request)
        body = json.dumps({"token": self.tokens.issue(holder.fingerprint)}).encode("ascii")
        return _as_json(request, body)


class _Close(_Call):
    """Closes the connections whose ids the URL has.

    Args:
        tokens: of this run.
        refused: gets which requests were refused.
        actions: closes the connections.
    """

    methods = (b"POST",)

    def __init__(self, tokens: Tokens, refused: RateLimitedLog, actions: Actions) -> None:
        super().__init__(tokens, refused)
        self._actions = actions

    def answer(self, request: Request, holder: Holder) -> bytes | int:
        _only_from_here(request)
        _require_origin(request)
        token = _only(request, _TOKEN)
        if token is None or not self.tokens.is_good(token.decode("latin-1"), holder.fingerprint):
            message = "its token is missing, too old or another's; load the page again"
            raise _RefusedError(message)
        try:
            selection = _selection(request)
        except ValueError as error:
            return TextAnswer(BAD_REQUEST, str(error)).render(request)
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)

        def send(closed: Closed) -> None:
            if not gone:
                unknown = [str(one) for one in closed.unknown]
                answer = {"closed": closed.connections, "unknown_ids": unknown}
                request.write(_as_json(request, json.dumps(answer).encode("ascii")))
                request.finish()

        who = f"{holder} at {_address(request)} on the page"
        self._actions.close(selection, who).addCallback(send)
        return NOT_DONE_YET


def _holder(request: Request) -> Holder:
    channel: Any = request.channel  # Twisted does not declare its transport
    holder = certificate_holder(channel.transport.getHandle()) if request.isSecure() else None
    if holder is None:
        message = "it has shown no certificate"
        raise _RefusedError(message)
    return holder


def _only_from_here(request: Request) -> None:
    """Refuse what a browser says that another site has asked for (Fetch Metadata)."""
    sites = request.requestHeaders.getRawHeaders(_SITE, [])
    if any(site != b"same-origin" for site in sites):
        message = "another site has asked for it"
        raise _RefusedError(message)


def _require_origin(request: Request) -> None:
    """Refuse another origin (RFC 6454) than the host that was asked, and none."""
    host, origin = _only(request, b"Host"), _only(request, b"Origin")
    if host is None or origin is None or origin.lower() != b"https://" + host.lower():
        message = "its Origin is not this page's"
        raise _RefusedError(message)


def _only(request: Request, name: bytes) -> bytes | None:
    """A header's value; None if it is missing, or there are several."""
    values: Sequence[bytes] = request.requestHeaders.getRawHeaders(name, [])
    return values[0] if len(values) == 1 else None


def _selection(request: Request) -> Selection:
    arguments = request.args or {}
    ids = arguments.get(b"id", [])
    if set(arguments) != {b"id"}:
        message = "say which connections: id=..., and nothing else"
        raise ValueError(message)
    return parse_selection(ids=[one.decode("utf-8", "replace") for one in ids])


def _address(request: Request) -> str:
    return str(getattr(request.getClientAddress(), "host", "unknown"))


def _as_json(request: Request, body: bytes) -> bytes:
    request.setHeader(b"Content-Type", b"application/json")
    request.setHeader(b"Cache-Control", b"no-store")
    return sized(request, body)
