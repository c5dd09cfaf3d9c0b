"""What can be asked of the end of a pipe that is read."""

from __future__ import annotations

import fcntl
import os
import sys
import termios

__all__ = ["at_end", "held_bytes"]


def held_bytes(pipe: int) -> int:
    """How many bytes a pipe holds (FIONREAD, pipe(7))."""
    count = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def at_end(pipe: int) -> bool:
    """Whether nobody has the other end of an empty pipe open. A byte that comes just now is lost."""
    try:
        return not os.read(pipe, 1)
    except OSError:
        return False
