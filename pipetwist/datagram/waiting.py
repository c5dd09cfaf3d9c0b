"""Datagrams that wait, within bounds: what is beyond them is dropped, the newest first."""

from __future__ import annotations

from collections import deque

__all__ = ["WaitingDatagrams"]

MAX_DATAGRAMS = 256
MAX_BYTES = 1 << 18


class WaitingDatagrams:
    """The datagrams of one direction of one datagram connection that can't go on yet."""

    __slots__ = ("_bytes", "_kept")

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<WaitingDatagrams {len(self)}, {self._bytes} bytes>"

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, datagram: bytes) -> bool:
        """Keep one, behind the others.

        Returns:
            False where there is no room for it.
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
        """The oldest has gone on."""
        self._bytes -= len(self._kept.popleft())
