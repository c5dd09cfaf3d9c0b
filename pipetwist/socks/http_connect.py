"""HTTP's method CONNECT (RFC 9110, 9.3.6; RFC 9112), with a username and a password (RFC 7617) or
without.
"""

from __future__ import annotations

import re
from base64 import b64encode

from pipetwist.errors import ConnectError
from pipetwist.socks.target import Credentials, Target

__all__ = ["MAX_HEADER_BYTES", "HttpConnect"]

MAX_HEADER_BYTES = 1 << 14
"""How long the header of a reply may be."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-5][0-9]{2})(?: ([^\r\n]*))?")
_BEGINNING = b"HTTP/1."
_END = re.compile(rb"\r?\n\r?\n")  # RFC 9112, 2.2, lets a line feed alone end a line
_END_BYTES = 4
_MAX_SHOWN = 60
_UNPRINTABLE = re.compile(r"[^ -~]")

_AUTHENTICATE = 407
_FAILURES = {
    400: "the proxy does not understand the request",
    403: "the proxy's rules do not allow it",
    404: "the proxy does not find the server",
    405: "the proxy does not know the method CONNECT",
    429: "the proxy has too much to do for this client",
    500: "the proxy failed",
    501: "the proxy does not know the method CONNECT",
    502: "the proxy got no connection to the server",
    503: "the proxy got no connection to the server, or has too much to do",
    504: "the server did not answer the proxy in time",
}


class HttpConnect:
    """A handshake with an HTTP proxy.

    Args:
        target: the server.
        credentials: who asks; None for nobody.

    Raises:
        ValueError: the target or the credentials can't be written there; its text is for people.
    """

    def __init__(self, target: Target, credentials: Credentials | None = None) -> None:
        self.done = False
        self._target = target
        self._knows_credentials = credentials is not None
        self._outgoing = _request(target, credentials)
        self._header = b""

    def __repr__(self) -> str:
        state = "done" if self.done else f"has {len(self._header)} bytes of the reply"
        return f"<HttpConnect {state}>"

    def outgoing(self) -> bytes:
        """See `pipetwist.socks.handshake.ProxyHandshake`."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def receive(self, data: bytes) -> int:
        """See `pipetwist.socks.handshake.ProxyHandshake`."""
        taken = 0
        while taken < len(data) and not self.done:
            taken += self._receive_header(data[taken:])
        return taken

    def _receive_header(self, data: bytes) -> int:
        """Take bytes of one header, and no more."""
        before = len(self._header)
        self._header += data[: MAX_HEADER_BYTES + 1 - before]
        if not self._header.startswith(_BEGINNING[: len(self._header)]):
            message = "no HTTP proxy answers there: the reply does not begin with HTTP/1."
            raise ConnectError(message)
        end = _END.search(self._header, max(0, before - _END_BYTES))
        if end is None:
            if len(self._header) > MAX_HEADER_BYTES:
                message = f"the header of the HTTP proxy's reply is longer than {MAX_HEADER_BYTES}"
                raise ConnectError(message)
            return len(data)
        header, self._header = self._header[: end.start()], b""
        self._read(header)
        return end.end() - before

    def _read(self, header: bytes) -> None:
        line = _STATUS_LINE.fullmatch(header.splitlines()[0])
        if line is None:
            message = "no HTTP proxy answers there: the reply has no status line of HTTP/1"
            raise ConnectError(message)
        status = int(line[1])
        if status // 100 == 2:  # RFC 9110, 9.3.6: no content, whatever the header says
            self.done = True
        elif status // 100 != 1 or status == 101:  # those are followed by another (RFC 9110, 15.2)
            raise ConnectError(self._why(status, line[2] or b""))

    def _why(self, status: int, reason: bytes) -> str:
        if status == _AUTHENTICATE:
            return (
                "the HTTP proxy refused the username and password"
                if self._knows_credentials
                else "the HTTP proxy wants a username and a password, or another authentication"
            )
        said = _UNPRINTABLE.sub("?", reason.decode("ascii", "replace"))[:_MAX_SHOWN].strip()
        answer = f"status {status} {said}".rstrip()
        why = f"{_FAILURES[status]} ({answer})" if status in _FAILURES else answer
        return f"the HTTP proxy can't connect {self._target}: {why}"


def _request(target: Target, credentials: Credentials | None) -> bytes:
    host = target.name if target.address is None else str(target.address).encode()
    # RFC 9110, 7.2: an IPv6 address stands in brackets.
    where = (b"[%b]:%d" if b":" in host else b"%b:%d") % (host, target.port)
    lines = [b"CONNECT %b HTTP/1.1" % where, b"Host: " + where]
    if credentials is not None:
        if b":" in credentials.username:
            message = "a username for HTTP has no colon in it (RFC 7617)"
            raise ValueError(message)
        pair = b64encode(b"%b:%b" % credentials)
        lines.append(b"Proxy-Authorization: Basic " + pair)
    return b"\r\n".join((*lines, b"", b""))
