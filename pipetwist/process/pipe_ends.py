"""Questions about the end of a pipe."""

from __future__ import annotations

import fcntl
import select
import sys
import termios

__all__ = ["has_room", "held_bytes"]


def held_bytes(pipe: int) -> int:
    """How many bytes a pipe holds (FIONREAD, pipe(7))."""
    count = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def has_room(descriptor: int) -> bool:
    """Whether a pipe or a socket can be written to now."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))
