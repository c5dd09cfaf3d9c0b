"""Short responses in plain text, and the headers of every response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.web.http import RESPONSES
from twisted.web.resource import Resource

if TYPE_CHECKING:
    from twisted.web.server import Request

__all__ = ["HEADERS", "TextAnswer", "sized"]

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)

HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""Headers of every response: nothing is loaded from another host, and no other site may embed or
read it. A resource may replace them.
"""


class TextAnswer(Resource):
    """A response of one line.

    Args:
        status: of HTTP.
        text: the line; by default the status's usual text.
    """

    isLeaf = True

    def __init__(self, status: int, text: str | None = None) -> None:
        super().__init__()
        self._status = status
        self._body = f"{text or RESPONSES[status].decode()}\n".encode()

    def render(self, request: Request) -> bytes:
        """Respond, for every method."""
        request.setResponseCode(self._status)
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        return sized(request, self._body)


def sized(request: Request, body: bytes) -> bytes:
    """Say in a response's headers how long its body is.

    Returns:
        What is to be written of it, which is nothing for HEAD. Of a body that is returned to it
        then, Twisted writes a line to the log.
    """
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return b"" if request.method == b"HEAD" else body
