"""Datagrams on a stream: each is preceded by its length as two bytes, big-endian (RFC 4571, section
2; RFC 1035, 4.2.2 has it for DNS).
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["MAX_FRAMED_BYTES", "Deframer", "frame"]

MAX_FRAMED_BYTES = 65535
"""The largest datagram that two bytes can announce."""

_LENGTH = 2


def frame(datagram: bytes) -> bytes:
    """A datagram as it goes on the stream.

    Raises:
        OverflowError: it is larger than `MAX_FRAMED_BYTES`.
    """
    return len(datagram).to_bytes(_LENGTH, "big") + datagram


class Deframer:
    """Finds the datagrams in a stream, however it is cut into pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def __repr__(self) -> str:
        return f"<Deframer {len(self._rest)} bytes of a frame>"

    @property
    def inside(self) -> bool:
        """Whether the stream is inside a datagram, which an end of file would cut."""
        return bool(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Process the next bytes of the stream.

        Yields:
            Each datagram that is complete now.
        """
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        while end - at >= _LENGTH:
            stop = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
            if stop > end:
                break
            yield data[at + _LENGTH : stop]
            at = stop
        self._rest = data[at:]
