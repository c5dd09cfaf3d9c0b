"""What can be asked of the end of a pipe that is read."""

from __future__ import annotations

import fcntl
import sys
import termios

__all__ = ["held_bytes"]


def held_bytes(pipe: int) -> int:
    """How many bytes a pipe holds (FIONREAD, pipe(7))."""
    count = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)
