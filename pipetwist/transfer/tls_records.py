"""How much of a TLS connection is read at once: only as many bytes as can be decrypted in a short
time, even if the records are small.
"""

from __future__ import annotations

from pipetwist.interfaces import AnyTransport

__all__ = ["RecordPace"]

_FIRST = 2048
_MOST = 65536
# Bytes that are read at once from a peer that has sent many small records.
_MIN_MOST = 8192
# Records in one read: each is decrypted and passed on separately, which takes about 10 us, even for
# a few bytes.
_ENOUGH = 64
_HEADER = 5  # bytes, of which the last two are the length of what follows (RFC 8446, section 5.1)


class RecordPace:
    """Decides how many bytes to read, by the records that were read before.

    A client may send records of one byte: 64 KiB hold 2,800 of them, and all connections would wait
    while they are decrypted. A connection with large records and many bytes soon gets as large
    reads as any other; one that has filled a read with small records keeps smaller reads.

    Args:
        most: the maximum in bytes.
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
        """Count what was read."""
        records = self._count(data)
        if records > _ENOUGH:
            self._maximum = max(min(_MIN_MOST, self._maximum), self._maximum // 2)
            self.size = max(1, min(self._maximum, len(data) * _ENOUGH // records))
        elif len(data) >= self.size and 2 * records <= _ENOUGH:
            self.size = min(self._maximum, 2 * self.size)

    def _count(self, data: bytes) -> int:
        """The number of records whose headers end in these bytes."""
        if self._begun:
            data = self._begun + data
        at, size, records = self._ahead, len(data), 0
        while at + _HEADER <= size:
            records += 1
            at += _HEADER + (data[at + 3] << 8) + data[at + 4]
        self._begun = data[at:]
        self._ahead = max(0, at - size)
        return records

    def hold(self, transport: AnyTransport) -> None:
        """Limit the reads of a TCP transport of Twisted's. Any other transport is left as it is."""
        read = getattr(transport, "doRead", None)
        if read is None:
            return

        def read_some() -> object:
            # Twisted uses it for writing as well, where it stays as it is.
            usual = transport.bufferSize
            transport.bufferSize = min(usual, self.size)
            try:
                return read()
            finally:
                transport.bufferSize = usual

        transport.doRead = read_some

    def let_go(self, transport: AnyTransport) -> None:
        """The transport has closed. Without this it would refer to itself."""
        transport.__dict__.pop("doRead", None)
