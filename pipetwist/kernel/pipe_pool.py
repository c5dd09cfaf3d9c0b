"""Pipes to splice through, lent to directions that are busy."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

__all__ = ["Pipe", "PipePool", "default_limit"]

PIPE_SIZE = 1 << 20
# What the kernel grants an unprivileged user in all before a new pipe shrinks (pipe(7)); half of it
# is left to others.
_PAGES_SOFT = Path("/proc/sys/fs/pipe-user-pages-soft")
# A pipe that can't be had has cost five system calls: so many who ask next are told so without
# another try.
_PATIENCE = 1000
_F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", 1031)


class Pipe:
    """A pipe, and how much is in it.

    Args:
        size: bytes that it shall hold; the kernel may grant fewer.
    """

    __slots__ = ("held", "reading", "size", "writing")

    def __init__(self, size: int = PIPE_SIZE) -> None:
        self.reading, self.writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.held = 0
        try:
            self.size = fcntl.fcntl(self.writing, _F_SETPIPE_SZ, size)
        except OSError:  # above the user's limit; it stays at what it was made with
            self.size = fcntl.fcntl(self.writing, getattr(fcntl, "F_GETPIPE_SZ", 1032))

    def __repr__(self) -> str:
        return f"<Pipe {self.held} of {self.size} held>"

    def close(self) -> None:
        """Close both ends."""
        os.close(self.reading)
        os.close(self.writing)


def default_limit() -> int:
    """How many pipes of `PIPE_SIZE` this user may have, less what others may want."""
    try:
        pages = int(_PAGES_SOFT.read_text())
    except (OSError, ValueError):
        pages = 16384
    page = os.sysconf("SC_PAGE_SIZE")
    return max(1, pages * page // PIPE_SIZE // 2) if pages else 64


class PipePool:
    """Lends empty pipes.

    Args:
        limit: how many there may be at once.
        spare: how many that nobody uses are kept.
        min_size: a pipe that the kernel grants less than this is of no use.
    """

    def __init__(self, limit: int | None = None, spare: int = 32, min_size: int = 1 << 17) -> None:
        self.limit = default_limit() if limit is None else limit
        self.lent = 0
        self._spare = spare
        self._refusals = 0
        self._min_size = min_size
        self._idle: list[Pipe] = []

    def __repr__(self) -> str:
        return f"<PipePool {self.lent} of {self.limit} lent, {self.idle} idle>"

    @property
    def idle(self) -> int:
        """How many that nobody uses are kept now."""
        return len(self._idle)

    def borrow(self) -> Pipe | None:
        """An empty pipe, or None where there is none to be had: then copying has to do."""
        if self._idle:
            self.lent += 1
            return self._idle.pop()
        if self.lent >= self.limit:
            return None
        if self._refusals:
            self._refusals -= 1
            return None
        pipe = self._new()
        if pipe is None:
            self._refusals = _PATIENCE
        else:
            self.lent += 1
        return pipe

    def claim(self) -> bool:
        """Ask whether a pipe of somebody else's may be made as large as those of the pool; it
        counts until `release`.
        """
        if self.lent >= self.limit:
            return False
        if self.lent + len(self._idle) >= self.limit:
            self._idle.pop().close()
        self.lent += 1
        return True

    def enlarge(self, pipe: int) -> bool:
        """Make a pipe of somebody else's as large, where it may be; says whether it counts, until
        `release`.
        """
        if not self.claim():
            return False
        with contextlib.suppress(OSError):  # above the user's limit; it stays as it is
            fcntl.fcntl(pipe, _F_SETPIPE_SZ, PIPE_SIZE)
        return True

    def release(self) -> None:
        """A pipe that was claimed for is closed."""
        self.lent -= 1

    def give_back(self, pipe: Pipe) -> None:
        """Return a pipe. One that still holds something is closed, and what it holds is gone."""
        self.lent -= 1
        if pipe.held or len(self._idle) >= self._spare:
            pipe.close()
        else:
            self._idle.append(pipe)

    def close(self) -> None:
        """Close the pipes that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _new(self) -> Pipe | None:
        try:
            pipe = Pipe()
        except OSError:
            return None
        if pipe.size < self._min_size:
            pipe.close()
            return None
        return pipe
