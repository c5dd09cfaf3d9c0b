"""An open file of counters: reads and writes it, and finds out whether it was removed or moved."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from pipetwist.errors import StoreError
from pipetwist.safe_files.held import Identity
from pipetwist.storage.layout import BEGIN, MAGIC, Contents, DamagedError, parse

__all__ = ["StoreFile"]


_READ_BYTES = 1 << 20
_NO_SUCH_CALL = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


class StoreFile:
    """An open file of counters.

    Args:
        path: where it is, its symbolic links resolved.
        descriptor: the open file; `close` closes it.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    def read(self) -> bytes:
        """Read all of it. A file that does not begin like a file of counters is not read further,
        since it may be large.
        """
        parts = [os.pread(self.descriptor, BEGIN, 0)]
        if parts[0].startswith(MAGIC):
            position = BEGIN
            while part := os.pread(self.descriptor, _READ_BYTES, position):
                parts.append(part)
                position += len(part)
        return b"".join(parts)

    def contents(self) -> Contents:
        """What it holds.

        Raises:
            StoreError: it is damaged, or not a file of counters.
        """
        try:
            return parse(self.read())
        except DamagedError as error:
            message = (
                f"{self.path}: the file is {error}. It was left as it is: restore a copy, or move "
                "it away to start at 0"
            )
            raise StoreError(message) from None

    def write(self, position: int, data: bytes) -> None:
        """Write all of this there."""
        while data:
            written = os.pwrite(self.descriptor, data, position)
            position, data = position + written, data[written:]

    def size(self) -> int:
        """Its size in bytes."""
        return os.fstat(self.descriptor).st_size

    def identity(self) -> Identity:
        """Which file it is."""
        return Identity.of(os.fstat(self.descriptor))

    def lost(self) -> str | None:
        """Whether it was ``removed``, or ``moved`` to another name, since it was opened; None while
        it is at its path.
        """
        try:
            if Identity.of(self.path.lstat()) == self.identity():
                return None
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:  # not known then
            return None
        return "moved" if os.fstat(self.descriptor).st_nlink else "removed"

    def reserve(self, size: int) -> None:
        """Allocate bytes on the disk up to this size, with zeros, so that writing to a mapping of
        them never fails.

        Raises:
            OSError: there is no room.
        """
        before = self.size()
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self.descriptor, 0, size)
            except OSError as error:
                if error.errno not in _NO_SUCH_CALL:
                    raise
            else:
                return
        self.write(before, bytes(max(0, size - before)))

    def close(self) -> None:
        """Close it, which releases the lock."""
        os.close(self.descriptor)
