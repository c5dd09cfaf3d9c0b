"""Files that are read again only if they have changed, since a daemon may have read them as root,
and be unable to read them as another user.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

__all__ = ["KnownFiles", "may_read"]

# A file that changed less than this before it is read may change again without a new modification
# time: some file systems count whole seconds, FAT two of them.
_UNSETTLED_NS = 2_000_000_000


class _Mark(NamedTuple):
    """Identifies a file and its contents at the time when it was read."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> _Mark:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class _Known(NamedTuple):
    mark: _Mark
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
            OSError: it can't be read, and has changed or was not read before.
        """
        known = self._known.get(path)
        if known is None:
            return self._read(path)
        try:
            same = _Mark.of(Path(path).stat()) == known.mark
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
        with Path(path).open("rb") as file:
            mark = _Mark.of(os.fstat(file.fileno()))
            content = file.read()
        self._known[path] = _Known(
            mark, abs(self._now() - mark.changed_ns) > _UNSETTLED_NS, content
        )
        return content


def may_read(path: str) -> bool:
    """Whether this process may read a file."""
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)
