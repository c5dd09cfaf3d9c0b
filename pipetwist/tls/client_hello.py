"""A client's first message, looked at before OpenSSL reads it.

OpenSSL reads a message of a handshake in one go, up to 128 KiB and in records of a single byte:
that would keep every other connection waiting for 0.2 s, and nobody has to show a certificate for
it.
"""

from __future__ import annotations

__all__ = ["MAX_LOOK_BYTES", "ClientHello", "ClientHelloError"]

# RFC 8446, sections 5.1 and 4. Tools against censorship cut a ClientHello of two kilobytes into
# records of a byte or three.
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_HEADER = 5
_MESSAGE_HEADER = 4
_MAX_RECORD = (1 << 14) + 256
_MAX_RECORDS = 1 << 12
_MAX_BYTES = 1 << 14

MAX_LOOK_BYTES = _MAX_BYTES + _MAX_RECORDS * _HEADER + _MAX_RECORD
"""How much of what a client has sent has to be looked at."""


class ClientHelloError(Exception):
    """It takes too many records, or bytes."""


class ClientHello:
    """Says when a ClientHello is complete."""

    def __init__(self) -> None:
        self._at = 0  # where the next record begins
        self._begin = bytearray()  # of the message
        self._got = 0
        self._records = 0

    def __repr__(self) -> str:
        return f"<ClientHello {self._got} bytes in {self._records} records>"

    def look(self, sent: bytes) -> bool:
        """Look at what the client has sent.

        Args:
            sent: everything so far, from the beginning.

        Returns:
            Whether OpenSSL may read it: the message is complete, or something else, of which
            OpenSSL says what is wrong.

        Raises:
            ClientHelloError: it is longer than 16 KiB, or takes more than 4,096 records.
        """
        while not self._is_complete():
            record = sent[self._at : self._at + _HEADER + _MESSAGE_HEADER]
            if record and record[0] != _HANDSHAKE:
                return True
            if len(record) < _HEADER:
                return False
            size = int.from_bytes(record[3:_HEADER], "big")
            if size > _MAX_RECORD:
                return True
            missing = min(_MESSAGE_HEADER - len(self._begin), size)
            if len(record) < _HEADER + missing:
                return False
            self._begin += record[_HEADER : _HEADER + missing]
            self._add(size)
            # OpenSSL reads over records without bytes, some of which may come first.
            if self._begin and self._begin[0] != _CLIENT_HELLO:
                return True
        return True

    def _add(self, size: int) -> None:
        self._at += _HEADER + size
        self._got += size
        self._records += 1
        if self._records > _MAX_RECORDS:
            message = f"a ClientHello in more than {_MAX_RECORDS:,} records"
            raise ClientHelloError(message)

    def _is_complete(self) -> bool:
        if len(self._begin) < _MESSAGE_HEADER:
            return False
        size = int.from_bytes(self._begin[1:], "big")
        if size > _MAX_BYTES:
            message = f"a ClientHello of {size:,} bytes"
            raise ClientHelloError(message)
        return self._got >= _MESSAGE_HEADER + size
