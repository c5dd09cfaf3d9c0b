"""A bounded queue of datagrams: if it is full, the newest is dropped."""

from __future__ import annotations

from collections import deque

__all__ = ["WaitingDatagrams"]

MAX_DATAGRAMS = 256
MAX_BYTES = 1 << 18


class WaitingDatagrams:
    """The datagrams of one direction of a connection that can't be sent yet."""

    __slots__ = ("_bytes", "_kept")

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<WaitingDatagrams {len(self)}, {self._bytes} bytes>"

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Bytes of all of them together."""
        return self._bytes

    def keep(self, datagram: bytes) -> bool:
        """Add one at the end.

        Returns:
            False if there is no room for it.
        """
        if self._kept and (
            len(self._kept) >= MAX_DATAGRAMS or self._bytes + len(datagram) > MAX_BYTES
        ):
            return False
        self._kept.append(datagram)
        self._bytes += len(datagram)
        return True

    def first(self) -> bytes:
        """The oldest."""
        return self._kept[0]

    def remove_first(self) -> None:
        """Remove the oldest."""
        self._bytes -= len(self._kept.popleft())
