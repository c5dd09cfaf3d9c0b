"""Checks what a client sends over HTTP/2 before gRPC gets it: whole frames pass, a block of headers
without an end does not. No I/O.

gRPC limits what it keeps of a request's headers, but not what it reads until they end: one client
that sends CONTINUATION frames for ever costs hundreds of megabytes, which are never freed.
Everything else, such as the sizes of other frames, gRPC limits itself.
"""

from __future__ import annotations

__all__ = ["MAX_CONTINUATIONS", "MAX_HEADER_BYTES", "PREFACE", "ClientFrames", "RefusedError"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (RFC 9113, 3.4)."""
MAX_HEADER_BYTES = 64 * 1024
"""The maximum of bytes in one block of headers, compressed as they are sent, padding included."""
MAX_CONTINUATIONS = 16
"""The maximum of CONTINUATION frames in a block of headers, empty ones included."""

_HEADER_BYTES = 9
_HEADERS, _CONTINUATION = 1, 9
_END_HEADERS = 4
_STREAM = 0x7FFFFFFF


class RefusedError(Exception):
    """A client sends something that no normal client sends; the text says what."""


class ClientFrames:
    """Parses the frames of one client, in pieces of any size."""

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
        self._stream = 0  # of the block of headers that has not ended; 0 if there is none
        self._block = 0
        self._continuations = 0
        self.frames = 0
        """Frames that have begun."""
        self.requests = 0
        """The HEADERS frames among them, which begin a request, or end it with trailers."""

    def __repr__(self) -> str:
        state = "between frames" if self.is_http2 else "before the preface"
        return f"<ClientFrames {'within headers' if self._stream else state}>"

    @property
    def is_http2(self) -> bool:
        """Whether the preface has arrived."""
        return not self._preface

    def receive(self, data: bytes) -> None:
        """Check bytes that have arrived.

        Raises:
            RefusedError: neither these bytes nor later ones may be forwarded.
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
