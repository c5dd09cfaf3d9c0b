"""The server's part of Tor's Extended ORPort (https://spec.torproject.org/ext-orport-spec): by it a
pluggable transport says from where its client has come, and by which transport. No I/O.

It begins with the authentication SAFE_COOKIE: both show that they know the cookie, which is in a
file that only the transport's user can read, without sending it.
"""

from __future__ import annotations

import hmac
from collections.abc import Generator
from hashlib import sha256

from pipetwist.plugins.pt_address import read_address

__all__ = ["COOKIE_BYTES", "MAX_BYTES", "NONCE_BYTES", "ExtendedOrPort", "OrPortError"]

COOKIE_BYTES = NONCE_BYTES = 32
"""How many bytes a cookie has, and a nonce."""
MAX_BYTES = 1 << 16
"""How many bytes the transport may send before it is done."""
_HASH_BYTES = 32
_SAFE_COOKIE, _END_OF_TYPES = 1, 0
_BY_SERVER = b"ExtORPort authentication server-to-client hash"
_BY_CLIENT = b"ExtORPort authentication client-to-server hash"
_DONE, _USERADDR, _TRANSPORT = 0, 1, 2
_OKAY, _DENY = 0x1000, 0x1001
_HEADER_BYTES = 4


class OrPortError(Exception):
    """The transport has not shown that it knows the cookie, or says what is against the protocol.
    The text says what.
    """


class ExtendedOrPort:
    """One connection's exchange.

    Args:
        cookie: what both know.
        nonce: random bytes of ours, of this connection alone.
    """

    def __init__(self, cookie: bytes, nonce: bytes) -> None:
        self._cookie = cookie
        self._nonce = nonce
        self.done = False
        """Whether what follows is the client's."""
        self.client: tuple[str, int] | None = None
        """The client's IP address and port; None where the transport does not say."""
        self.transport = ""
        """The transport's name; empty where it does not say."""
        self._outgoing = b""
        self._part = b""
        self._taken = 0
        self._exchange = self._talk()
        self._missing = next(self._exchange)

    def __repr__(self) -> str:
        state = "done" if self.done else f"awaits {self._missing} bytes"
        return f"<ExtendedOrPort {state} client={self.client} transport={self.transport!r}>"

    def outgoing(self) -> bytes:
        """What is to be sent now, each byte once; also after an error, before closing."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def receive(self, data: bytes) -> int:
        """Take what the transport has sent.

        Args:
            data: what follows the bytes that were taken before.

        Returns:
            How many of these belong to the exchange: all of them until it is done.

        Raises:
            OrPortError: see there. It is not to be called again.
        """
        taken = 0
        while taken < len(data) and not self.done:
            piece = data[taken : taken + self._missing]
            taken += len(piece)
            self._part += piece
            self._missing -= len(piece)
            if not self._missing:
                self._next()
        self._taken += taken
        if self._taken > MAX_BYTES:
            message = f"it sent more than {MAX_BYTES} bytes before it was done"
            raise OrPortError(message)
        return taken

    def _next(self) -> None:
        while not self._missing:
            part, self._part = self._part, b""
            try:
                self._missing = self._exchange.send(part)
            except StopIteration:
                self.done = True
                return

    def _hash(self, words: bytes, client_nonce: bytes) -> bytes:
        return hmac.digest(self._cookie, words + client_nonce + self._nonce, sha256)

    def _talk(self) -> Generator[int, bytes, None]:
        self._outgoing = bytes([_SAFE_COOKIE, _END_OF_TYPES])
        (type_,) = yield 1
        if type_ != _SAFE_COOKIE:
            message = f"it chose the authentication {type_}, which was not offered"
            raise OrPortError(message)
        client_nonce = yield NONCE_BYTES
        self._outgoing += self._hash(_BY_SERVER, client_nonce) + self._nonce
        shown = yield _HASH_BYTES
        if not hmac.compare_digest(shown, self._hash(_BY_CLIENT, client_nonce)):
            self._outgoing += b"\0"
            message = "it does not know the cookie"
            raise OrPortError(message)
        self._outgoing += b"\1"
        while True:
            header = yield _HEADER_BYTES
            command, size = int.from_bytes(header[:2], "big"), int.from_bytes(header[2:], "big")
            body = (yield size) if size else b""
            if command == _DONE:
                self._outgoing += _OKAY.to_bytes(2, "big") + b"\0\0"
                return
            if command == _USERADDR:
                self.client = self._address(body)
            elif command == _TRANSPORT:
                self.transport = body.decode("ascii", "backslashreplace")

    def _address(self, body: bytes) -> tuple[str, int]:
        address = read_address(body.decode("ascii", "replace"))
        if address is None:
            self._outgoing += _DENY.to_bytes(2, "big") + b"\0\0"
            message = f"it said that its client is at {body[:100]!r}, which is no address"
            raise OrPortError(message)
        return address
