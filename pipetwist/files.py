"""Files that are read again only if they have changed, since a daemon may have read them as root,
and be unable to read them as another user.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

__all__ = ["FileMark", "KnownFiles", "mark_of", "may_read", "open_regular"]

# A file that changed less than this before it is read may change again without a new modification
# time: some file systems count whole seconds, FAT two of them.
_UNSETTLED_NS = 2_000_000_000
_MAX_BYTES = 16 * 1024**2  # a file of all public CAs has a quarter of one MiB


FileMark = tuple[int, int, int, int]
"""Identifies a file and its contents: the device, the inode, the size in bytes, and the time of the
last change in nanoseconds since 1970.
"""


class _Known(NamedTuple):
    mark: FileMark
    settled: bool
    content: bytes


class KnownFiles:
    """Reads files, and keeps their contents.

    Args:
        unseen: is called with the path of a file that was read before, and can't even be checked
            for changes any more.
        now: the time of day in nanoseconds, as files' times are counted.
    """

    def __init__(
        self, unseen: Callable[[str], object] = str, now: Callable[[], int] = time.time_ns
    ) -> None:
        self._unseen = unseen
        self._now = now
        self._known: dict[str, _Known] = {}

    def __repr__(self) -> str:
        return f"<KnownFiles {sorted(self._known)}>"

    def read(self, path: str) -> bytes:
        """The contents of a file. It is not opened again while its inode, its size and its time are
        the same as when it was read.

        Raises:
            OSError: it can't be read, or is no file that certificates are in, and has changed or
                was not read before.
        """
        known = self._known.get(path)
        if known is None:
            return self._read(path)
        try:
            same = mark_of(Path(path).stat()) == known.mark
        except PermissionError:
            self._unseen(path)
            return known.content
        if same and known.settled:
            return known.content
        try:
            return self._read(path)
        except PermissionError:
            if same:
                return known.content
            raise

    def unreadable(self) -> list[str]:
        """The files that were read, and that this process can't read any more."""
        return [path for path in self._known if not may_read(path)]

    def _read(self, path: str) -> bytes:
        with open_regular(path) as file:
            mark = mark_of(os.fstat(file.fileno()))
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            message = f"it is larger than {_MAX_BYTES // 1024**2} MiB"
            raise OSError(errno.EFBIG, message, path)
        *_, changed_ns = mark
        self._known[path] = _Known(mark, abs(self._now() - changed_ns) > _UNSETTLED_NS, content)
        return content


def mark_of(found: os.stat_result) -> FileMark:
    """The mark of a file, by what the system says of it."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def open_regular(path: str, flags: int = 0, folder: int | None = None) -> IO[bytes]:
    """Open a file to read it, without waiting for anybody.

    Args:
        path: the file.
        flags: of open(2), besides those for reading.
        folder: a descriptor of the folder that a relative path is relative to.

    Raises:
        OSError: it can't be opened, or is something else than a file: a pipe, from which nothing
            may ever come, or a device.
    """
    # No system knows all of them.
    for name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
        flags |= getattr(os, name, 0)
    file = os.fdopen(os.open(path, os.O_RDONLY | flags, dir_fd=folder), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is no regular file", path)


def may_read(path: str) -> bool:
    """Whether this process may read a file."""
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)
