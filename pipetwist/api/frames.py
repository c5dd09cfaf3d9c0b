"""What a client may send over HTTP/2 before it reaches gRPC: whole frames pass, a block of headers
without an end does not. No I/O.

gRPC bounds what it keeps of a request's headers, but not what it takes in while they go on: one
client that sends CONTINUATION frames for ever costs hundreds of megabytes, which don't come back.
Everything else, such as the sizes of other frames, gRPC bounds itself.
"""

from __future__ import annotations

__all__ = ["MAX_CONTINUATIONS", "MAX_HEADER_BYTES", "PREFACE", "ClientFrames", "RefusedError"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client begins with (RFC 9113, 3.4)."""
MAX_HEADER_BYTES = 64 * 1024
"""Bytes of one block of headers, compressed as they are sent, padding included."""
MAX_CONTINUATIONS = 16
"""Frames that a block of headers may have after its first, with bytes in them or without."""

_HEADER_BYTES = 9
_HEADERS, _CONTINUATION = 1, 9
_END_HEADERS = 4
_STREAM = 0x7FFFFFFF


class RefusedError(Exception):
    """A client sends what no client has a reason to; the text says what."""


class ClientFrames:
    """Follows what one client sends, in whatever pieces it comes."""

    __slots__ = (
        "_block",
        "_continuations",
        "_header",
        "_payload",
        "_preface",
        "_stream",
        "frames",
        "requests",
    )

    def __init__(self) -> None:
        self._preface = PREFACE  # what is still to come of it
        self._header = b""  # what has come of a frame's
        self._payload = 0  # bytes that are still to come of a frame
        self._stream = 0  # of the block of headers that has not ended; 0 where there is none
        self._block = 0
        self._continuations = 0
        self.frames = 0
        """Frames that have begun."""
        self.requests = 0
        """Those of them that begin a request, or end it with more headers."""

    def __repr__(self) -> str:
        state = "between frames" if self.is_http2 else "before the preface"
        return f"<ClientFrames {'within headers' if self._stream else state}>"

    @property
    def is_http2(self) -> bool:
        """Whether the preface has come."""
        return not self._preface

    def receive(self, data: bytes) -> None:
        """Look at what has come.

        Raises:
            RefusedError: none of it may go on, nor what follows.
        """
        at = 0
        if self._preface:
            at = min(len(self._preface), len(data))
            if not self._preface.startswith(data[:at]):
                message = "it does not speak HTTP/2"
                raise RefusedError(message)
            self._preface = self._preface[at:]
        end = len(data)
        while at < end:
            if self._payload:
                step = min(self._payload, end - at)
                self._payload -= step
                at += step
                continue
            missing = _HEADER_BYTES - len(self._header)
            header = self._header + data[at : at + missing]
            at += missing
            if len(header) < _HEADER_BYTES:
                self._header = header
            else:
                self._header = b""
                self._begin(header)

    def _begin(self, header: bytes) -> None:
        self._payload = length = int.from_bytes(header[:3], "big")
        kind = header[3]
        self.frames += 1
        self.requests += kind == _HEADERS
        if not self._stream and kind != _HEADERS and kind != _CONTINUATION:
            return
        stream = int.from_bytes(header[5:], "big") & _STREAM
        if kind == _CONTINUATION:
            if not stream or stream != self._stream:
                message = "it continues headers that it has not started"
                raise RefusedError(message)
            self._continuations += 1
            self._block += length
        elif self._stream or not stream:
            message = (
                "it sends other frames in the middle of headers"
                if self._stream
                else "it sends headers that belong to no request"
            )
            raise RefusedError(message)
        else:
            self._stream, self._block, self._continuations = stream, length, 0
        if self._block > MAX_HEADER_BYTES:
            message = f"a request has more than {MAX_HEADER_BYTES} bytes of headers"
            raise RefusedError(message)
        if self._continuations > MAX_CONTINUATIONS:
            message = (
                f"a request's headers go on over more than {MAX_CONTINUATIONS} CONTINUATION frames"
            )
            raise RefusedError(message)
        if header[4] & _END_HEADERS:
            self._stream = 0
