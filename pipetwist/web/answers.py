"""Short answers in plain text: what an error says, and what stands in every answer's headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.web.http import RESPONSES
from twisted.web.resource import Resource

if TYPE_CHECKING:
    from twisted.web.server import Request

__all__ = ["HEADERS", "TextAnswer"]

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
"""What every answer has: nothing is loaded from another host, and no other site may show or read
it. A resource may set them anew.
"""


class TextAnswer(Resource):
    """Says one line.

    Args:
        status: of HTTP.
        text: what to say; the status's usual words where absent.
    """

    isLeaf = True

    def __init__(self, status: int, text: str | None = None) -> None:
        super().__init__()
        self._status = status
        self._body = f"{text or RESPONSES[status].decode()}\n".encode()

    def render(self, request: Request) -> bytes:
        """Say it, whatever the method."""
        request.setResponseCode(self._status)
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        request.setHeader(b"Content-Length", b"%d" % len(self._body))
        return b"" if request.method == b"HEAD" else self._body
