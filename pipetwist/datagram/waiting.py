"""A bounded queue of datagrams: if it is full, the newest is dropped."""

from __future__ import annotations

from collections import deque

__all__ = ["Room", "SharingDatagrams", "WaitingDatagrams"]

MAX_DATAGRAMS = 256
MAX_BYTES = 1 << 18
# What an object takes besides its bytes.
_OBJECT_BYTES = 64


class WaitingDatagrams:
    """The datagrams of one direction of a connection that can't be sent yet."""

    __slots__ = ("_bytes", "_kept")

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self)}, {self._bytes} bytes>"

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


class Room:
    """The memory that several queues may take together.

    Attributes:
        left: how many bytes of it are left.
    """

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def __repr__(self) -> str:
        return f"<Room {self.left} bytes left>"


class SharingDatagrams(WaitingDatagrams):
    """A queue that shares its memory with others: their senders may be as many as they like.

    Args:
        room: what they share.
    """

    __slots__ = ("_room",)

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room

    def keep(self, datagram: bytes) -> bool:
        """See `WaitingDatagrams`; there may be no room, since others have it."""
        needed = len(datagram) + _OBJECT_BYTES
        if needed > self._room.left or not super().keep(datagram):
            return False
        self._room.left -= needed
        return True

    def remove_first(self) -> None:
        self._room.left += len(self.first()) + _OBJECT_BYTES
        super().remove_first()

    def clear(self) -> None:
        """Remove all."""
        while len(self):
            self.remove_first()
