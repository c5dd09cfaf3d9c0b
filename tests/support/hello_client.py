"""A TLS client that says what it would send, for tests that cut it up."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator

__all__ = ["HelloClient", "cut"]

_HEADER = 5


class HelloClient:
    """A client that trusts everybody."""

    def __init__(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._heard, self._says = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._heard, self._says)

    def hello(self) -> bytes:
        """Its ClientHello, in one record."""
        self.answer(b"")
        return self.said()

    def answer(self, data: bytes) -> bool:
        """Hear this of the server; whether the handshake is complete."""
        self._heard.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
            return True
        return False

    def said(self) -> bytes:
        """What it sends now."""
        return self._says.read()


def cut(record: bytes, size: int) -> Iterator[bytes]:
    """The same message in records of at most so many bytes."""
    message = record[_HEADER:]
    for at in range(0, len(message), size):
        piece = message[at : at + size]
        yield b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece
