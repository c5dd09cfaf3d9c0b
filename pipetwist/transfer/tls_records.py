"""How much of a TLS connection is read at once: as many bytes as are soon looked at, however small
the records are.
"""

from __future__ import annotations

from typing import Any

__all__ = ["RecordPace"]

_FIRST = 2048
_MOST = 65536
# What who has sent many small records is read at once, should they be large ones again.
_MIN_MOST = 8192
# Records in one read: each is decrypted and passed on by itself, which takes some 10 us, however
# few bytes it has.
_ENOUGH = 64
_HEADER = 5  # bytes, of which the last two are the length of what follows (RFC 8446, section 5.1)


class RecordPace:
    """Says how many bytes to read, by the records that came before.

    A client may send records of one byte, of which 64 KiB are 2,800, and all connections would wait
    for them. Who sends large ones, and many bytes, is soon read as much at once as any other
    connection; who has filled a read with small ones, less for good.

    Args:
        most: bytes that are never exceeded.
    """

    def __init__(self, most: int = _MOST) -> None:
        self.size = min(_FIRST, most)
        """How many bytes to read next."""
        self._maximum = most
        self._ahead = 0  # bytes of a record that is known to go on
        self._begun = b""  # a header that is not complete

    def __repr__(self) -> str:
        return f"<RecordPace {self.size} bytes, {self._maximum} at most>"

    def came(self, data: bytes) -> None:
        """This was read."""
        records = self._count(data)
        if records > _ENOUGH:
            self._maximum = max(min(_MIN_MOST, self._maximum), self._maximum // 2)
            self.size = max(1, min(self._maximum, len(data) * _ENOUGH // records))
        elif len(data) >= self.size and 2 * records <= _ENOUGH:
            self.size = min(self._maximum, 2 * self.size)

    def _count(self, data: bytes) -> int:
        """The records whose headers end in this."""
        if self._begun:
            data = self._begun + data
        at, size, records = self._ahead, len(data), 0
        while at + _HEADER <= size:
            records += 1
            at += _HEADER + (data[at + 3] << 8) + data[at + 4]
        self._begun = data[at:]
        self._ahead = max(0, at - size)
        return records

    def hold(self, transport: Any) -> None:
        """Have a TCP transport of Twisted's read no more at once. Any other is left as it is."""
        read = getattr(transport, "doRead", None)
        if read is None:
            return

        def read_some() -> Any:
            # Of what is to be sent it is the bound as well, which stays what it is.
            usual = transport.bufferSize
            transport.bufferSize = min(usual, self.size)
            try:
                return read()
            finally:
                transport.bufferSize = usual

        transport.doRead = read_some

    def let_go(self, transport: Any) -> None:
        """The transport is over; without this it would have itself."""
        vars(transport).pop("doRead", None)
